"""The charts of a carrier's page "What changed": its list, what keeping up costs, its reports by verdict, day by day.

Rules of this room: as in `charts`; what would dwarf the line (a weekly full list) stands in the table alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import msgspec
from flask_babel import format_decimal, gettext, ngettext

from registry.batch_results import VERDICTS
from registry.report_batches import Answer
from web.charts import Chart, Series, over_days, reports_by_verdict
from web.showing import size

if TYPE_CHECKING:
    from registry.store import Store
    from registry.store.feedhistory import FeedDay

_DAY_US = 86_400_000_000


def list_by_day(days: Sequence[date], feed: Sequence[FeedDay]) -> Chart:
    """Changes of the own list per day; the table says how many entries it had after them."""
    changed = tuple(each.changes for each in feed)
    entries = tuple(each.entries for each in feed)
    busiest = max(range(len(days)), key=lambda place: changed[place])
    sentence = gettext(
        "%(changes)s in %(days)s days, the most on one day: %(most)s. Your list holds %(entries)s.",
        changes=ngettext("%(count)s change", "%(count)s changes", sum(changed), count=format_decimal(sum(changed))),
        days=format_decimal(len(days)), most=format_decimal(changed[busiest]),
        entries=ngettext("%(count)s entry", "%(count)s entries", entries[-1], count=format_decimal(entries[-1])),
    )
    return over_days(
        "list", gettext("Changes in your list"), sentence, days,
        (Series(gettext("Changes"), "var(--accent)", changed),),
        more=(
            Series(gettext("Entries"), "", entries),
            Series(gettext("Editions"), "", tuple(each.editions for each in feed)),
        ),
    )


def bytes_by_day(days: Sequence[date], feed: Sequence[FeedDay]) -> Chart:
    """What a follower that keeps up fetched per day; the table says what all files of the day come to."""
    own = tuple(each.change_bytes for each in feed)
    busy = [value for value in own if value]
    sentence = gettext(
        "Keeping up costs %(mean)s of list files on a day with changes; all files of these days come to %(all)s.",
        mean=size(sum(busy) // len(busy)) if busy else size(0), all=size(sum(each.bytes for each in feed)),
    )
    return over_days(
        "bytes", gettext("What keeping up costs"), sentence, days,
        (Series(gettext("Changes"), "var(--accent)", own, size),),
        more=(Series(gettext("All files"), "", tuple(each.bytes for each in feed), size),), bytes=True,
    )


def verdicts_by_day(
    store: Store, *, source: str, days: Sequence[date], since: int, offset: int
) -> dict[str, list[int]]:
    """Reports of a source per day by verdict, as its batches counted them when they came."""
    first = (since + offset) // _DAY_US
    counts = {verdict: [0] * len(days) for verdict in VERDICTS}
    decode = msgspec.json.Decoder(Answer).decode
    for row in store.batch_rows.answers(source=source, since=since):
        place = (row["started"] + offset) // _DAY_US - first
        for verdict, count in decode(row["answer"]).verdicts.items():
            if verdict in counts and 0 <= place < len(days):
                counts[verdict][place] += count
    return counts


def verdict_chart(days: Sequence[date], verdicts: dict[str, list[int]]) -> Chart:
    """Reports by verdict, violations against all others."""
    others = [sum(counts) for counts in zip(*(verdicts[name] for name in VERDICTS if name != "violation"))]
    return reports_by_verdict(days, {"violation": verdicts["violation"], "other": others})
