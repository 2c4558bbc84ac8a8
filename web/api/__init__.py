"""The machines' side of the site: wire messages, and one module of routes per resource."""
