"""A scrubber of few numbers and the ways to send a call list through it, for the tests of call lists."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from registry import sealing
from registry.calllists import files
from registry.calllists.calllist import CallList, restored, stored
from registry.calllists.limits import Limits
from registry.decisions import Contact
from registry.numbering import load_plan
from registry.numbers import NumberError, parse_one
from registry.preferences import Category, Channel
from registry.rulebook import load_rulebooks
from registry.scrub import Lists, Scrubber
from registry.scrubindex import PREFERENCE, index_of, keys_of

PLAN, RULEBOOKS = load_plan(), load_rulebooks()
KEY = bytes(32)
DECLINED, FREE = "13800138000", "13900139000"
MORNING = datetime(2026, 11, 24, 3, tzinfo=UTC)
SMALL = Limits(block=64, line=1 << 20)


def scrubber(*declined: int) -> Scrubber:
    """Answers about loans by call; whoever is named declines everything."""
    sealed = sealing.seal_many(KEY, np.array(declined or (8613800138000,), np.uint64))
    keys = np.sort(keys_of(sealed))
    preferences = np.array([(0, 0, 0, 0), (0, 0, 0, 0), (0xFFFF, 0xFFFF, 0xFFFF, 0)], PREFERENCE)
    lists = Lists((index_of(keys, np.full(len(keys), 2, np.uint16), preferences),), 1)
    contact = Contact(MORNING, Channel.CALLS, Category.LOAN, telemarketer="acme")
    return Scrubber(
        None, lists, contact, RULEBOOKS, at_rest=KEY, holidays=PLAN.holidays, valid=timedelta(days=7),  # type: ignore[arg-type]
    )  # fmt: skip


def alone(number: str, *, country: str = "CN") -> str:
    """The verdict on one number."""
    try:
        found = parse_one(number, PLAN, country=country)
    except NumberError:
        return "invalid"
    return "declined" if found.digits == int(f"86{DECLINED}") else "allowed"


class Dribbling(io.BytesIO):
    """A file that gives a few bytes at a time."""

    def __init__(self, content: bytes, step: int) -> None:
        super().__init__(content)
        self.step = step

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self.step if size is None or size < 0 or size > self.step else size)


def seen(
    content: bytes, *, name: str = "list.csv", country: str = "CN", wanted: str | int | None = None, **how: Any
) -> CallList:
    """What is found out about a list; as it comes back from where it is stored with its job."""
    found = files.inspect(io.BytesIO(content), name, PLAN, country=country, wanted=wanted, **how)
    again = restored(stored(found))
    assert (again.names, again.column, again.sheets) == (found.names, found.column, found.sheets)
    return found


def scrubbed(
    content: bytes, *, step: int = 0, country: str = "CN", wanted: str | int | None = None, limits: Limits = SMALL,
    **how: Any,
) -> bytes:
    """The result of a list."""
    found = restored(stored(seen(content, country=country, wanted=wanted, limits=limits)))
    source = Dribbling(content, step) if step else io.BytesIO(content)
    return b"".join(files.scrub(source, found, scrubber(), PLAN, country=country, limits=limits, **how))


def only(content: bytes, verdict: str, **how: Any) -> bytes:
    """The lines of one verdict in the result of a list."""
    found = seen(content, **how)
    return b"".join(files.only(io.BytesIO(scrubbed(content, **how)), found, verdict))

