"""The peaks of an instance: `peaks.toml` beside its settings, whose peaks add to the program's or replace them.

Rules of this room: a file that cannot be read or makes no sense stops what needs it; no file is no change; a file is
written whole or not at all.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

from registry.errors import InvalidInputError, SettingsError
from registry.peaks import Peak, joined, load_peaks, parse_peaks, peak_from, written

NAME = "peaks.toml"


def peaks_of(instance: Path) -> tuple[Peak, ...]:
    """The peaks of the program with those of the instance. Raises SettingsError peaks."""
    try:
        return joined(load_peaks(), _edited(instance))
    except InvalidInputError as error:
        raise SettingsError(f"{NAME}: {error.detail}", code="peaks") from error


def set_peak(instance: Path, peak: str, **changes: str | float) -> tuple[Peak, ...]:
    """Change a peak in the instance's file, or add one with all its values; all peaks then.

    Raises InvalidInputError bad_peak, no_such_date, peaks_overlap; the file stays as it was.
    """
    kept = {each.peak: each for each in _edited(instance)}
    known = next((each for each in joined(load_peaks(), kept.values()) if each.peak == peak), None)
    table = {name: value for name, value in asdict(known).items() if name != "peak"} if known else {}
    kept[peak] = peak_from(peak, table | changes)
    every = joined(load_peaks(), kept.values())
    draft = instance / f".{NAME}.{os.getpid()}"
    draft.write_text(written(kept.values()), encoding="utf-8")
    draft.replace(instance / NAME)
    return every


def _edited(instance: Path) -> tuple[Peak, ...]:
    try:
        return parse_peaks((instance / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{NAME} cannot be read.", code="peaks") from error
