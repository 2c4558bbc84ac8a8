"""The calendar of an instance: `holidays.toml` beside its settings, whose years add to the program's or replace them.

Rules of this room: a file that cannot be read or contradicts itself stops what needs it; no file is no change.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from registry.errors import SettingsError
from registry.numbering.holidays import Holidays, joined, load_holidays, parse_holidays

NAME = "holidays.toml"


def holidays_of(instance: Path) -> Holidays:
    """The calendar of the program with the years of the instance. Raises SettingsError calendar."""
    ours = load_holidays()
    try:
        text = (instance / NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ours
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{NAME} cannot be read.", code="calendar") from error
    try:
        return joined(ours, parse_holidays(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{NAME} is no TOML: {error}.", code="calendar") from error
