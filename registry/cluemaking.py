"""Batches of clues are made: a quarter's for each department, crime at once, what was referred (rules 88, 96, 101).

Rules of this room:
- A quarter's batch of a topic stands once; only where it was discarded, another is made, of what stands now.
- Crime is packed as it comes, every few minutes at most, so that a wave makes few packages and the first one waits for
  none.
- Everything of a batch, its signature too, is written in one transaction: there is no half a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from registry import cluepackages, receiptkeys
from registry.bulletins import usual_cutoff
from registry.clues import TOPICS, Batch, Clue, Topic, case_facts, clue_of, keep, must, name_of, slug_of
from registry.cluestates import Kind, due_after
from registry.departments import POLICE
from registry.errors import ConflictError, InvalidInputError
from registry.preferences import Channel
from registry.quarters import Quarter, quarter_of
from registry.sealing import SealedNumber
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.enterprises import Enterprise
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.receiptkeys import ReceiptKeys
    from registry.store import Store
    from registry.store.engine import Row

EVERY = timedelta(minutes=5)  # between two packages of crime, at least
SETTLE = timedelta(minutes=2)  # what comes as a wave is held by then
BACK = timedelta(days=100)  # how long crime that was held or incomplete is still looked for
MOST = 10_000  # reports of crime in one package
KEPT = timedelta(days=3 * 366)  # how long it is known what was handed to whom (rule 108)
_CASES = 4  # quarters before, in which a case that is told of may have been opened
_MARK = "clues"  # up to which cut-off quarters are made


@dataclass(frozen=True, slots=True)
class Office:
    """With what clues are made and packed."""

    store: Store
    clock: Clock
    keys: KeyRing
    signing: ReceiptKeys
    zone: str


def make_due(office: Office, keep_lease: Callable[[], None], *, actor: Actor) -> int:
    """Make the batches of the quarter that ended last, once its cut-off has passed; how many."""
    store, quarter = office.store, quarter_of(office.clock.now(), office.zone).before()
    cutoff = usual_cutoff(quarter, office.zone)
    if cutoff > office.clock.now():
        return 0
    done = (to_micros(cutoff), "", "")
    if store.gathering.mark(_MARK) < done:
        made = make_quarter(office, keep_lease, actor=actor, quarter=quarter)
        with store.writing(about="clues"):
            store.gathering.set_mark(_MARK, done)
        return len(made)
    again = store.clues.discarded(str(quarter))
    return len(make_quarter(office, keep_lease, actor=actor, quarter=quarter, topics=again) if again else ())


def make_quarter(
    office: Office, keep_lease: Callable[[], None], *, actor: Actor, quarter: Quarter, topics: Collection[str] = ()
) -> tuple[Batch, ...]:
    """Make the batches of a quarter that are not made yet, of all topics or some.

    Raises InvalidInputError bad_cutoff before its cut-off.
    """
    made = []
    for topic in topics or [each.topic for each in TOPICS]:
        keep_lease()
        if not _standing(office.store, quarter, topic):
            made.append(make(office, actor=actor, quarter=quarter, topic=topic))
    return tuple(each for each in made if each is not None)


def make(office: Office, *, actor: Actor, quarter: Quarter, topic: str) -> Batch | None:
    """Make one batch of a quarter; None where nothing goes into it.

    Raises ConflictError batch_made, InvalidInputError bad_cutoff, unknown_topic.
    """
    store, now, cutoff = office.store, office.clock.now(), usual_cutoff(quarter, office.zone)
    wanted = next((each for each in TOPICS if each.topic == topic), None)
    if wanted is None:
        raise InvalidInputError("There is no such topic of clues.", code="unknown_topic")
    if cutoff > now:
        raise InvalidInputError("The cut-off lies ten days after the quarter.", code="bad_cutoff")
    receiptkeys.note(store, office.clock, office.signing)
    with store.reading():  # the long part, in which nobody has to wait
        if store.clues.parts(str(quarter), "quarter", topic):  # all were discarded
            cutoff = now
        found = _found(office, wanted, quarter, cutoff)
    with store.writing(about="clues"):
        if _standing(store, quarter, topic):
            raise ConflictError("This batch was made already.", code="batch_made")
        found += store.clues.waiting(wanted.department)
        return _packed(office, actor, found, quarter, "quarter", topic, wanted.department, cutoff)


def _standing(store: Store, quarter: Quarter, topic: str) -> bool:
    return any(each.state != "discarded" for each in store.clues.parts(str(quarter), "quarter", topic))


def _found(office: Office, topic: Topic, quarter: Quarter, cutoff: datetime) -> list[Clue]:
    """The cases and reports of a topic, as they stood at a cut-off."""
    first, after = map(to_micros, quarter.bounds(office.zone))
    clues, at = office.store.clues, to_micros(cutoff)
    reports = clues.upheld(first=first, after=after, cutoff=at, class_=topic.class_, categories=topic.categories)
    cases: list[Row] = []
    if topic.class_ == "commercial":
        since = to_micros(quarter.before(_CASES).bounds(office.zone)[0])
        cases = clues.cases(since=since, after=after, cutoff=at, categories=topic.categories)
    return _clues(office, cases, reports, topic.department, topic.class_)


def make_urgent(office: Office, *, actor: Actor) -> Batch | None:
    """Pack crime that the police do not know of yet (rule 88); None where there is none, or a package was just made."""
    store, now, police = office.store, office.clock.now(), POLICE.department
    last = store.clues.newest_of("urgent")
    if last is not None and now - last.made < EVERY:
        return None
    since = to_micros(now - BACK)
    if not store.clues.waiting(police) and not store.clues.unlawful(
        police, since=since, until=to_micros(now - SETTLE), limit=1
    ):
        return None
    receiptkeys.note(store, office.clock, office.signing)
    with store.writing(about="clues"):
        reports = store.clues.unlawful(police, since=since, until=to_micros(now - SETTLE), limit=MOST)
        cases = store.clues.unlawful_cases(since=since)
        found = [*_clues(office, cases, reports, police, "unlawful"), *store.clues.waiting(police)]
        return _packed(office, actor, found, quarter_of(now, office.zone), "urgent", police, police, now)


def make_addendum(office: Office, *, actor: Actor, department: str) -> Batch:
    """Pack what waits for a department before its next quarter. Raises ConflictError nothing_waits."""
    must(actor, "propose")
    store, now = office.store, office.clock.now()
    receiptkeys.note(store, office.clock, office.signing)
    with store.writing(about="clues"):
        quarter = quarter_of(now, office.zone)
        made = _packed(office, actor, list(store.clues.waiting(department)), quarter, "addendum", department,
                       department, now)  # fmt: skip
        if made is None:
            raise ConflictError("Nothing waits for this department.", code="nothing_waits")
        return made


def _packed(
    office: Office, actor: Actor, found: Sequence[Clue], quarter: Quarter, kind: Kind, topic: str, department: str,
    cutoff: datetime,
) -> Batch | None:
    """Inside `writing()`: freeze clues into a new batch and sign its package; None where there are none."""
    store, now = office.store, office.clock.now()
    if not found:
        return None
    part = len(store.clues.parts(str(quarter), kind, topic)) + 1
    name = name_of("batch", quarter, kind, topic, part)
    placed = [replace(each, batch=name, place=place) for place, each in enumerate(found, 1)]
    store.clues.put(placed)
    state = "reviewed" if kind == "urgent" else "made"
    made = Batch(
        name, str(quarter), kind, topic, part, department, state, cutoff, len(placed), 0, 0, "", now,
        reviewed_by="system" if kind == "urgent" else "", due=due_after(state, kind, now),
    )
    made = signed(office, made, placed, fallen=store.clues.fallen(department) if department else ())
    store.clues.put_batch(made)
    keep(store, office.clock, made, actor.name, "make")
    return made


def signed(office: Office, batch: Batch, clues: Sequence[Clue], *, fallen: Sequence[Clue]) -> Batch:
    """Inside `writing()`: a batch with the envelope of its package; what fell earlier is told with it."""
    office.store.clues.put(replace(each, told=batch.batch) for each in fallen)
    files = cluepackages.files_of(batch, clues, fallen, office.keys)
    return replace(batch, envelope=cluepackages.sign(batch, files, len(fallen), office.signing))


def package_of(office: Office, batch: Batch) -> bytes:
    """The package of a batch, made again from its frozen clues. Raises ConflictError package_changed."""
    with office.store.reading():
        return packed_inside(office, batch)


def packed_inside(office: Office, batch: Batch) -> bytes:
    """As `package_of`, inside a transaction."""
    clues, fallen = office.store.clues.of_batch(batch.batch), office.store.clues.told_in(batch.batch)
    return cluepackages.packed(batch, cluepackages.files_of(batch, clues, fallen, office.keys))


def withdraw(store: Store, clock: Clock) -> int:
    """Note which clues stand no longer, because their report was found to be none or is held; how many."""
    fallen = store.clues.to_withdraw()
    if not fallen:
        return 0
    with store.writing(about="clues"):
        return store.clues.withdraw(fallen, at=to_micros(clock.now()))


def purge(store: Store, clock: Clock) -> int:
    """Delete what was handed over longer ago than has to be known; how many clues."""
    with store.writing(about="clues"):
        return store.clues.purge(before=to_micros(clock.now() - KEPT))


# what becomes a clue


def _clues(
    office: Office, cases: Sequence[Row], reports: Sequence[Row], department: str, class_: str
) -> list[Clue]:
    """Clues of rows of cases, then of reports, with the names of enterprises and carriers as they are called now."""
    named = ("enterprise", "provider", "content")
    ids = {str(row[name]) for row in (*cases, *reports) for name in named if row.get(name)}
    known = office.store.enterprises.these(ids)
    carriers = {each.party: each.name_zh for each in office.store.parties.all()}
    now = office.clock.now()
    made = [
        clue_of("case", "case", row["case_id"], department, class_=class_, category=row["category"],
                at=from_micros(row["opened"]), caller=None, added=now, facts=_case(row, known))
        for row in cases
    ]  # fmt: skip
    return made + [
        clue_of("report", row["source"], row["source_id"], department, class_=row["class"], category=row["category"],
                at=from_micros(row["at"]), caller=SealedNumber(row["caller"]) if row["caller"] else None, added=now,
                facts=_report(row, known, carriers))
        for row in reports
    ]  # fmt: skip


def _case(row: Row, known: dict[str, Enterprise]) -> dict[str, str]:
    return {"reference": row["case_id"], "category": slug_of(row["category"]), **case_facts(row),
            **dict(_named("provider", known.get(row["enterprise"])))}  # fmt: skip


def _report(row: Row, known: dict[str, Enterprise], carriers: dict[str, str]) -> dict[str, str]:
    found = row["outcome"] if row["outcome"] in ("violation", "find_violation") else ""
    said: dict[str, Any] = {
        "reference": row["reference"], "category": slug_of(row["category"]), "harassment": row["harassment"],
        "channel": Channel(row["channel"]).slug, "mode": row["mode"], "carrier": carriers.get(row["carrier"], ""),
        "named": row["named"], "province": row["province"], "case": row["case_id"], "rule": row["rule"],
        "evidence": row["evidence"] or "",
        "found": "violation" if found else "suspected" if row["class"] == "unlawful" else "judged",
        **dict(_named("provider", known.get(row["provider"]))),
        **dict(_named("content", known.get(row["content"]))),
    }  # fmt: skip
    return {name: str(value) for name, value in said.items() if value}


def _named(link: str, found: Enterprise | None) -> Iterator[tuple[str, str]]:
    if found is not None:
        yield link, found.name
        if found.company is not None:
            yield f"{link}_registration", found.company.number
