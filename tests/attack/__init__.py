"""Plays whoever wants to read the registry out, against the real meter and watch; `python -m tests.attack`."""
