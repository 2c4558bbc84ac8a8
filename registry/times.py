"""Moments: aware UTC in the program, whole microseconds since 1970 in tables, local time only for people and rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NewType
from zoneinfo import ZoneInfo

Micros = NewType("Micros", int)  # microseconds since 1970-01-01T00:00:00Z, as stored

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE = timedelta(microseconds=1)


def to_micros(moment: datetime) -> Micros:
    """The stored form of an aware moment. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return Micros((moment - EPOCH) // _ONE)


def from_micros(stored: int) -> datetime:
    """The aware UTC moment of a stored one."""
    return EPOCH + stored * _ONE


def local(moment: datetime, zone: str) -> datetime:
    """The same moment as a wall clock in `zone` (IANA name) shows it."""
    return moment.astimezone(ZoneInfo(zone))


def iso(moment: datetime) -> str:
    """RFC 3339 text in UTC, seconds precision unless there is more to say."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
