"""Batches of clues in every state, for the pages that tests look at."""

from __future__ import annotations

from datetime import timedelta

from registry import clueanswers, cluemaking, cluework
from registry.access import SYSTEM
from registry.assembly import Registry
from registry.cluemaking import Office
from registry.preferences import Category
from tests.registry.clueing import IN_Q, Desk, Q

QUARTER = str(Q)


def office_of(registry: Registry) -> Office:
    """The office of a registry."""
    return Office(registry.store, registry.clock, registry.keys, registry.receipt_keys, "Asia/Shanghai")


def clues_of(registry: Registry) -> dict[str, str]:
    """Batches by what they are there to show: nobody, looked, sent, received, answered, closed, crime."""
    store, clock = registry.store, registry.clock
    desk = Desk(store, registry.keys, clock, registry.plan)  # type: ignore[arg-type]
    desk.office = office_of(registry)
    desk.count = 500_000  # beside what else the site is filled with
    provider = desk.enterprise("某贷款股份有限公司")
    falls = {"made": Category.TRAVEL, "nobody": Category.HOME, "looked": Category.PROPERTY, "sent": Category.EDUCATION,
             "received": Category.LOAN, "answered": Category.RECRUIT, "closed": Category.RETAIL}  # fmt: skip
    for category in falls.values():
        desk.fall(3, at=IN_Q, category=int(category), provider=provider)
    desk.crime(2, at=clock.now() - timedelta(minutes=10))
    (falling,) = desk.fall(1, at=IN_Q, category=int(Category.PROPERTY), provider=provider)
    made = {each.topic: each.batch for each in cluemaking.make_quarter(
        desk.office, lambda: None, actor=SYSTEM, quarter=Q)}  # fmt: skip
    topics = {"made": "mct", "nobody": "home", "looked": "mohurd", "sent": "moe", "received": "nfra",
              "answered": "mohrss", "closed": "samr"}  # fmt: skip
    found = {name: made[topic] for name, topic in topics.items()}
    for name in ("looked", "sent", "received", "answered", "closed"):
        cluework.review(store, clock, actor=desk.ann, batch=found[name], note="属实")
    desk.change(falling, "find_unfounded", outcome="unfounded")
    cluemaking.withdraw(store, clock)
    for name in ("sent", "received", "answered", "closed"):
        cluework.send(store, clock, actor=desk.bea, batch=found[name], way="hand", reason="机要交换")
    for name in ("received", "answered", "closed"):
        cluework.receive(store, clock, actor=desk.ann, batch=found[name], at=clock.now(), receiver="李处",
                         file_number="〔2026〕8号")  # fmt: skip
    names = [each.clue for each in store.clues.of_batch(found["received"])]
    clueanswers.answer(store, clock, actor=desk.ann, batch=found["received"], answers=[
        clueanswers.Answer(names[0], "transferred", "mct"), clueanswers.Answer(names[1], "returned", note="管辖不明")])
    for name, result in (("answered", "accepted"), ("closed", "accepted"), ("closed", "punished")):
        clueanswers.answer_all(store, clock, actor=desk.ann, batch=found[name], result=result)
    crime = cluemaking.make_urgent(desk.office, actor=SYSTEM)
    assert crime is not None
    return found | {"crime": crime.batch}


def clue_pages(found: dict[str, str]) -> list[tuple[str, str, str]]:
    """(endpoint, address, viewer) of the pages of clues."""
    return [
        *(("clues.overview", "/officer/clues?state=all", viewer) for viewer in ("investigator", "auditor")),
        ("clues.overview", "/officer/clues?due=overdue&department=nobody", "decider"),
        *(("clues.one", f"/officer/clues/{batch}", "investigator") for batch in found.values()),
        *(("clues.one", f"/officer/clues/{found[name]}", "decider") for name in ("looked", "received", "crime")),
        ("clues.one", f"/officer/clues/{found['received']}?print=1", "auditor"),
        ("cluefetching.fetch", f"/clues/{found['sent']}", ""),
    ]  # fmt: skip
