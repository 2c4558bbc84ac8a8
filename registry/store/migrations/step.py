"""What a step of the schema is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Migration:
    """One step of the schema: its number, its name and its statements."""

    number: int
    name: str
    statements: tuple[str, ...]
