"""The steps of the schema, a module each, in the order of their numbers; `schema.py` runs them."""
