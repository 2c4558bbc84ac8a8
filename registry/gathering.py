"""How upheld reports come together: by who answers and by campaign, until they make a case; and what must not count.

Rules of this room:
- Two passes, each from where it stopped: one looks at reports as they come (which texts are alike, what is held), one
  counts what is upheld, an hour later, so that a wave is seen whole before any of it counts.
- A campaign is what one enterprise sends from one caller, over one resource, or with nearly one text (`likeness.py`).
- Whoever stays just under the threshold with each number (rule 78: 198 of 200), or spreads over many, is found by the
  sum of the enterprise and by how many of its numbers stand just below.
- Many people with one text against one company in an hour is held for review and not counted (rules 79, 81); so is what
  one person sends twice a minute. What somebody has released (`heldreports.py`) is not held again for the same.
- What was reported before a number got another holder never counts against the new.
- A judged violation counts until somebody finds it unfounded, then no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from registry import cases
from registry.keys import FIRST_EPOCH
from registry.likeness import Likeness, alike
from registry.naming import new_id
from registry.sealing import unseal_text
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.settings import CaseSettings
    from registry.store import Store
    from registry.workdays import Calendar

CHUNK = 2000
PEOPLE = "people"
BOMBING, SAME_TEXT = "bombing", "same_text"
HOUR, MINUTE = 3_600_000_000, 60_000_000
Row = Mapping[str, Any]
Mark = tuple[int, str, str]


@dataclass(frozen=True)
class Gatherer:
    """What gathering needs; one is kept between runs, for the texts that it remembers."""

    store: Store
    clock: Clock
    keys: KeyRing
    settings: CaseSettings
    calendar: Calendar
    likeness: Likeness = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "likeness", Likeness(self.keys))


def _always() -> None:
    pass


def gather(work: Gatherer, keep: Callable[[], None] = _always) -> dict[str, int]:
    """Look at what came, count what is upheld, open cases; how many were looked at, held, counted, and opened."""
    counts = {"looked": 0, "held": 0, "counted": 0, "cases": 0}
    while done := _look(work, counts):
        counts["looked"] += done
        keep()
    touched: set[str] = set()
    while _count(work, counts, touched):
        keep()
    for case_id in sorted(touched):
        with work.store.writing(about="cases"):
            work.store.cases.recount(case_id)
        keep()
    return counts


# the first pass


def _look(work: Gatherer, counts: dict[str, int]) -> int:
    with work.store.reading():
        rows = work.store.gathering.received_after(work.store.gathering.mark("look"), limit=CHUNK)
    if not rows:
        return 0
    key = work.keys.derive("at-rest", "report", FIRST_EPOCH)
    signed = [
        (row, signature) for row in rows if row["description"]
        if (signature := work.likeness.signature(unseal_text(key, row["description"]))) is not None
    ]  # fmt: skip
    with work.store.writing(about="gathering"):
        clusters = _clusters(work, signed)
        work.store.gathering.set_clusters(
            {"source": row["source"], "source_id": row["source_id"], "cluster": cluster} for row, cluster in clusters
        )
        counts["held"] += _hold(work, clusters)
        last = rows[-1]
        work.store.gathering.set_mark("look", (last["received"], last["source"], last["source_id"]))
    return len(rows)


def _clusters(work: Gatherer, signed: Sequence[tuple[Row, Any]]) -> list[tuple[Row, str]]:
    """The cluster of each text: one it is alike to, or a new one that it stands for."""
    fresh = {signature.tobytes(): signature for _row, signature in signed}
    bands = {name: work.likeness.bands(signature) for name, signature in fresh.items()}
    near = work.store.gathering.near([band for each in bands.values() for band in each])
    standing = {
        cluster: np.frombuffer(raw, np.uint64)
        for cluster, raw in work.store.gathering.signatures({c for each in near.values() for c in each}).items()
    }
    named: dict[bytes, str] = {}
    made: list[dict[str, Any]] = []
    new_bands: list[dict[str, Any]] = []
    for name, signature in fresh.items():
        likely = dict.fromkeys(cluster for band in bands[name] for cluster in near.get(band, ()))
        best = max(((alike(signature, standing[c]), c) for c in likely), default=(0, ""))
        if best[0] >= work.settings.likeness_percent:
            named[name] = best[1]
            continue
        cluster = f"t_{new_id()}"
        named[name], standing[cluster] = cluster, signature
        made.append({"cluster": cluster, "signature": name, "made": to_micros(work.clock.now())})
        for band in bands[name]:
            near.setdefault(band, []).append(cluster)
            new_bands.append({"band": band, "cluster": cluster})
    work.store.gathering.add_clusters(made, new_bands)
    return [(row, named[signature.tobytes()]) for row, signature in signed]


def _hold(work: Gatherer, clusters: Sequence[tuple[Row, str]]) -> int:
    """Hold what came as a wave of people with one text, and what one person sent twice a minute; how many."""
    spans: dict[str, list[int]] = {}
    for row, cluster in clusters:
        if row["source"] == PEOPLE:
            spans.setdefault(cluster, []).append(row["received"])
    held, reviewed = 0, work.store.gathering.reviewed(spans)
    for cluster, times in spans.items():
        around = work.store.gathering.of_text(cluster, PEOPLE, since=min(times) - HOUR, until=max(times) + HOUR)
        held += work.store.gathering.hold(_twice(_fresh(around, reviewed, SAME_TEXT)), SAME_TEXT)
        by_party: dict[str, list[Row]] = {}
        for row in _fresh(around, reviewed, BOMBING):
            by_party.setdefault(_against(row), []).append(row)
        for rows in by_party.values():
            held += work.store.gathering.hold(_wave(rows, work.settings.bombing_reporters), BOMBING)
    return held


def _fresh(rows: Sequence[Row], reviewed: Mapping[tuple[str, str, str], int], why: str) -> list[Row]:
    """The rows, with those that somebody has looked at since they came marked: they are not held again for the same."""
    return [
        {**row, "held": "reviewed"}
        if not row["held"] and row["received"] <= reviewed.get((row["cluster"], _enterprise(row), why), -1) else row
        for row in rows
    ]  # fmt: skip


def _twice(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Reports that one person sent within a minute of an earlier one with the same text."""
    last: dict[bytes, int] = {}
    found = []
    for row in rows:
        reporter = row["reporter"] or b""
        if reporter and row["received"] - last.get(reporter, -HOUR) < MINUTE and not row["held"]:
            found.append((row["source"], row["source_id"]))
        else:
            last[reporter] = row["received"]
    return found


def _wave(rows: Sequence[Row], most: int) -> list[tuple[str, str]]:
    """Reports that lie in an hour in which at least `most` people sent one text against one company."""
    found: dict[tuple[str, str], None] = {}
    people: dict[bytes, int] = {}
    first = 0
    for place, row in enumerate(rows):
        people[row["reporter"] or b""] = people.get(row["reporter"] or b"", 0) + 1
        while row["received"] - rows[first]["received"] >= HOUR:
            gone = rows[first]["reporter"] or b""
            people[gone] -= 1
            if not people[gone]:
                del people[gone]
            first += 1
        if len(people) >= most:
            found.update({(each["source"], each["source_id"]): None for each in rows[first : place + 1]
                          if not each["held"]})  # fmt: skip
    return list(found)


def _against(row: Row) -> str:
    """Whom a report is against: the enterprise that answers, else the caller."""
    return str(row["provider"] or row["content"] or (row["caller"] or b"").hex())


# the second pass


def _count(work: Gatherer, counts: dict[str, int], touched: set[str]) -> int:
    store = work.store.gathering
    until = to_micros(work.clock.now() - timedelta(minutes=work.settings.settle_minutes))
    with work.store.reading():
        rows = store.moved_after(store.mark("count"), until=until, limit=CHUNK)
    if not rows:
        return 0
    with work.store.writing(about="cases"):
        known = store.counted([(row["source"], row["source_id"]) for row in rows])
        changed = store.recycled(row["caller"] for row in rows if row["caller"])
        upheld, gone = list[Row](), list[tuple[str, str]]()
        for row in rows:
            name = (row["source"], row["source_id"])
            if _counts(row, changed):
                upheld += [] if name in known else [row]
            elif name in known:
                gone.append(name)
                touched |= {known[name]} - {""}
        store.drop(gone)
        campaigns = _campaigns(work, upheld)
        of_case = store.cases_of(campaigns)
        taken = [_counted(row, campaign, of_case[campaign]) for row, campaign in zip(upheld, campaigns)]
        store.add_reports(taken)
        touched |= {row["case_id"] for row in taken} - {""}
        counts["counted"] += len(taken)
        for enterprise in sorted({row["enterprise"] for row in taken if not row["case_id"]}):
            opened = _open_due(work, enterprise)
            counts["cases"] += len(opened)
            touched |= set(opened)
        last = rows[-1]
        store.set_mark("count", (last["updated"], last["source"], last["source_id"]))
    return len(rows)


def _counts(row: Row, changed: Mapping[bytes, int]) -> bool:
    """Whether a report counts: upheld or judged a violation, not held, of the number's present holder."""
    upheld = row["outcome"] == "violation" or (row["outcome"] == "" and row["verdict"] == "violation")
    return upheld and not row["held"] and row["at"] >= changed.get(row["caller"], 0)


def _enterprise(row: Row) -> str:
    return str(row["provider"] or row["content"])


def _counted(row: Row, campaign: str, case_id: str) -> dict[str, Any]:
    return {"source": row["source"], "source_id": row["source_id"], "enterprise": _enterprise(row),
            "campaign": campaign, "case_id": case_id, "caller": row["caller"], "at": row["at"]}  # fmt: skip


def _links(row: Row) -> list[str]:
    """What ties a report to a campaign, the strongest first; the resource only where an enterprise answers for it."""
    found = [row["cluster"]] if row["cluster"] else []
    if row["caller"]:
        found.append(f"n_{row['caller'].hex()}")
    if row["resource"] and _enterprise(row):
        found.append(row["resource"])
    return found or [f"x_{row['source']}_{row['source_id']}"]


def _campaigns(work: Gatherer, rows: Sequence[Row]) -> list[str]:
    """The campaign of each report: one that any of its links leads to, or a new one."""
    known = work.store.gathering.links(link for row in rows for link in _links(row))
    made, links, found = list[dict[str, Any]](), list[dict[str, Any]](), list[str]()
    for row in rows:
        enterprise, own = _enterprise(row), _links(row)
        campaign = next((known[enterprise, link] for link in own if (enterprise, link) in known), "")
        if not campaign:
            campaign = f"g_{new_id()}"
            made.append({"campaign": campaign, "enterprise": enterprise, "made": to_micros(work.clock.now())})
        for link in own:
            if (enterprise, link) not in known:
                known[enterprise, link] = campaign
                links.append({"enterprise": enterprise, "link": link, "campaign": campaign})
        found.append(campaign)
    work.store.gathering.add_campaigns(made, links)
    return found


def _open_due(work: Gatherer, enterprise: str) -> list[str]:
    """Open the cases that are due against an enterprise: each campaign that is big enough, else the sum of all."""
    settings, store = work.settings, work.store.gathering
    since = to_micros(work.clock.now() - timedelta(days=settings.days))
    rows = store.waiting(enterprise, since=since)
    opened = []
    for row in rows:
        if row["reports"] >= settings.reports:
            opened.append(_open(work, enterprise, "campaign", [row["campaign"]]))
    rest = [row for row in rows if row["reports"] < settings.reports]
    if enterprise and rest and (why := _evades(work, enterprise, rest, since)):
        opened.append(_open(work, enterprise, why, [row["campaign"] for row in rest]))
    return opened


def _evades(work: Gatherer, enterprise: str, rows: Iterable[Row], since: int) -> str:
    """How an enterprise keeps below the threshold though its sum is above; "" where it does not (rules 77, 78)."""
    settings = work.settings
    if sum(row["reports"] for row in rows) < settings.reports:
        return ""
    callers = work.store.gathering.callers_waiting(enterprise, since=since)
    near = settings.reports * settings.near_percent // 100
    if sum(near <= count < settings.reports for count in callers) >= settings.near_numbers:
        return "just_under"
    return "spread" if len(callers) >= settings.numbers else ""


def _open(work: Gatherer, enterprise: str, why: str, campaigns: Sequence[str]) -> str:
    made = cases.open_inside(
        work.store, work.clock, enterprise=enterprise, why=why, actor="system", calendar=work.calendar
    )
    work.store.gathering.into_case(campaigns, made.case_id)
    work.store.cases.recount(made.case_id)
    return made.case_id
