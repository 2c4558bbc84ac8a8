"""The site: pages for people, parties and officers, and the JSON API for machines."""
