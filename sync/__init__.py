"""Scheduled publishing to carriers and ingest from them; it knows no Flask."""
