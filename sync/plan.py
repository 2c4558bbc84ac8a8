"""What to publish for one recipient now: nothing, a delta, roll-ups, a full list; and which files stay (pure).

Rules of this room:
- First, after a change of key epoch, algorithm or resellers, and weekly: a full list. Else a delta from the newest
  edition of the feed, when something changed for this recipient.
- Roll-ups go from boundary to boundary: one that is an hour old gets an hourly one, one that is a day old a daily one.
  They are made before what they cover goes, so that a way stays from every edition that is kept, and from a full.
- Time is that of the editions, so the same edition is planned the same way again after a crash; a clock that was set
  back or forward makes nothing go early: what no roll-up covers stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from registry.editions import FeedFile, FeedIndex
from registry.settings import PublishSettings

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """A change set to be written: from one edition to another."""

    from_: int
    to: int


@dataclass(frozen=True)
class Plan:
    """What to publish: at which edition a full list, which delta, which roll-ups; and the files that stay."""

    to: int
    full: bool
    delta: Span | None
    rollups: tuple[Span, ...]
    keep: tuple[FeedFile, ...]


def plan_feed(
    index: FeedIndex | None,
    *,
    to: int,
    changed: bool,
    times: Mapping[int, datetime],
    epoch: int,
    algorithm: str,
    resellers: tuple[str, ...] = (),
    settings: PublishSettings,
) -> Plan | None:
    """What to publish so that a feed reaches edition `to`; None for nothing.

    `changed` says whether anything changed for this recipient since the index; `times` says when editions were opened:
    `to` and every edition that a file of the index begins or ends at.
    """
    if index is None or kind_of(index) != (epoch, algorithm, resellers):
        return Plan(to, full=True, delta=None, rollups=(), keep=())
    if not changed:
        return None
    now = times[to]
    fulls = [file for file in index.files if file.kind == "full"]
    full = not fulls or now - times[max(file.to for file in fulls)] >= timedelta(days=settings.full_days)
    rollups = _rollups(index, to, now, times)
    ends = {length: to if span in rollups else span.from_ for length, span in _spans(index, to, times).items()}
    keep = tuple(file for file in index.files if _stays(file, fulls, full, now, times, settings, ends))
    return Plan(to, full, Span(index.newest, to), rollups, keep)


def kind_of(index: FeedIndex) -> tuple[int, str, tuple[str, ...]]:
    """What a chain of files goes on with only while it stays the same: key epoch, algorithm, resellers included."""
    return index.epoch, index.algorithm, index.resellers


def needed_times(index: FeedIndex | None) -> tuple[int, ...]:
    """The editions whose times `plan_feed` asks for."""
    if index is None:
        return ()
    return tuple(sorted({edition for file in index.files for edition in (file.from_, file.to) if edition}))


def _spans(index: FeedIndex, to: int, times: Mapping[int, datetime]) -> dict[timedelta, Span]:
    """What the next daily and the next hourly roll-up will cover: from where the last one ended."""
    rollups = [file for file in index.files if file.kind == "rollup"]
    start = min((file.to for file in index.files if file.kind == "full"), default=index.newest)
    return {
        DAY: Span(max((file.to for file in rollups if _span(file, times) >= DAY), default=start), to),
        HOUR: Span(max((file.to for file in rollups), default=start), to),
    }


def _rollups(index: FeedIndex, to: int, now: datetime, times: Mapping[int, datetime]) -> tuple[Span, ...]:
    """The hourly and the daily roll-up that are due, the longer one first."""
    due = (span for length, span in _spans(index, to, times).items() if now - times[span.from_] >= length)
    # a roll-up that would be the delta itself says nothing new
    return tuple(dict.fromkeys(span for span in due if span.from_ < index.newest))


def _stays(
    file: FeedFile, fulls: list[FeedFile], another: bool, now: datetime, times: Mapping[int, datetime],
    settings: PublishSettings, ends: Mapping[timedelta, int],
) -> bool:
    """Whether a file is listed on: it is young enough, or no roll-up covers it yet, whatever the clock did."""
    if file.kind == "full":
        most = settings.fulls_kept - (1 if another else 0)
        return file in sorted(fulls, key=lambda full: full.to, reverse=True)[:most]
    age = now - times[file.to]
    if file.kind == "delta":
        return age <= timedelta(hours=settings.deltas_hours) or file.to > ends[HOUR]
    if _span(file, times) >= DAY:
        return age <= timedelta(days=settings.daily_days)
    return age <= timedelta(hours=settings.hourly_hours) or file.to > ends[DAY]


def _span(file: FeedFile, times: Mapping[int, datetime]) -> timedelta:
    """How much time a roll-up covers: that is what makes it hourly or daily."""
    return times[file.to] - times[file.from_]
