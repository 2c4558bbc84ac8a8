"""A case for the pages that tests look at."""

from __future__ import annotations

from registry import cases, gathering, measures
from registry.access import Actor
from registry.assembly import Registry
from registry.parties import Member
from tests.registry.gatheringup import TEXT, Pile


def case_of(registry: Registry) -> str:
    """A case to which reports have gathered, with a measure and a next step proposed."""
    pile = Pile(registry.store, registry.keys, registry.clock, registry.plan)  # type: ignore[arg-type]
    enterprise = pile.enterprise("群呼公司")
    pile.fall(3, enterprise=enterprise, text=TEXT, source="ctcc")
    pile.fall(1, enterprise=enterprise, text="本周末新楼盘开盘，欢迎到场品鉴样板间，礼品多多", source="ctcc")
    with registry.store.writing():
        registry.store.engine.run(
            """UPDATE handling SET received = received - 7200000000, updated = updated - 7200000000
            WHERE provider = :it""",
            it=enterprise,
        )
    gathering.gather(registry.gatherer)
    asks = Actor("member", role="investigator", member=Member("investigator-1", "regulator", "i@x.cn", "I",
                 "investigator", "active", True), strong=True)  # fmt: skip
    store, clock = registry.store, registry.clock
    made = cases.open_case(store, clock, actor=asks, enterprise=enterprise, reason="线索",
                           calendar=registry.calendar).case_id  # fmt: skip
    measures.propose(store, clock, actor=asks, enterprise=enterprise, kind="warn", facts="屡次违规", case_id=made)
    cases.propose(store, clock, actor=asks, case_id=made, action="order", reason="证据充分")
    return made


def case_pages(case_id: str) -> list[tuple[str, str, str]]:
    """(endpoint, address, viewer) of the pages of cases."""
    return [
        *(("cases.queue", "/officer/cases?state=all", viewer) for viewer in ("investigator", "auditor")),
        *(("casefiles.one", f"/officer/cases/{case_id}", viewer) for viewer in ("investigator", "decider")),
        ("casefiles.one", f"/officer/cases/{case_id}?print=1", "auditor"),
    ]
