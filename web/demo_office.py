"""The regulator's office in the scripted quarter: it works on cases, decides measures and a fine, hears appeals, clears
a wrong mark, and publishes the bulletin; carriers carry measures out.

Rules of this room: one proposes and another decides, through the use cases that officers' pages go through; whatever is
done is looked at, and stands among the checks.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from registry import audit, bulletins, cases, consequences, credit, fining, markappeals, measures, opendata, parties
from registry.access import SYSTEM, Actor
from registry.assembly import REGULATOR
from registry.bulletins import Bulletin, Press
from registry.errors import NotAllowedError
from registry.handling import of_reference

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.cases import Case
    from registry.quarters import Quarter
    from registry.sealing import SealedNumber

A_WEEK = 5  # cases that are worked on
NOTICE, LASTS = timedelta(days=2), timedelta(days=30)
_KINDS = {"just_under": "limit_new_resources", "spread": "disconnect_number"}  # else the service is suspended


class Office:
    """Members of the regulator at work. `checks` and `counts` take what came of it."""

    def __init__(self, registry: Registry, checks: dict[str, bool], counts: dict[str, int]) -> None:
        self.registry, self.checks, self.counts = registry, checks, counts
        self.at: tuple[Any, Any] = (registry.store, registry.clock)
        self.asks, self.decides = self._member("investigator"), self._member("decider")
        self.drafts, self.publishes = self._member("publisher", "1"), self._member("publisher", "2")
        self.marks = self._member("officer")
        self._appealed = False

    def _member(self, role: str, nth: str = "") -> Actor:
        store, clock = self.at
        name = f"{role}{nth}"
        added = parties.add_member(
            store, clock, party=REGULATOR, email=f"{name}@demo.example", name=name, role=role
        )
        return Actor("member", role=role, member=added, party=store.parties.party(REGULATOR), strong=True)

    # measures

    def week(self) -> None:
        """A week's work: the cases that are due first are ordered to be put right, each with a measure; what was
        decided before begins, carriers confirm, and one enterprise appeals."""
        store, _clock = self.at
        done = measures.run_due(*self.at)
        self._count("measures begun", done["started"])
        self._confirm()
        for case in store.cases.queue(states=("open",), sort="due", descending=False, limit=A_WEEK, after=0):
            if case.enterprise and not case.proposal:
                self.work(case)
        if not self._appealed:
            self._appeal()

    def work(self, case: Case) -> None:
        """Order that a case is put right, and decide a measure."""
        clock = self.registry.clock
        self._move(case.case_id, "order")
        made = measures.propose(
            *self.at, actor=self.asks, enterprise=case.enterprise, kind=_KINDS.get(case.why, "suspend_service"),
            facts=f"{case.reports} upheld reports", case_id=case.case_id,
        ).measure
        measures.decide(
            *self.at, actor=self.decides, measure=made, starts=clock.now() + NOTICE, ends=clock.now() + LASTS,
            note="证据充分",
        )
        self._count("measures", 1)

    def _move(self, case_id: str, action: str, decider: Actor | None = None) -> None:
        cases.propose(*self.at, actor=self.asks, case_id=case_id, action=action, reason="证据充分")
        cases.decide(*self.at, actor=decider or self.decides, case_id=case_id, granted=True, reason="同意",
                     calendar=self.registry.calendar)  # fmt: skip

    def _confirm(self) -> None:
        store, _clock = self.at
        for party in (each for each in store.parties.all() if each.kind == "carrier"):
            for order in store.measures.orders(party=party.party, open_only=True):
                by = Actor("key", party=party, key="demo", scopes=frozenset({"measures"}))
                measures.confirm(*self.at, actor=by, measure=order["measure"], step=order["step"])
                self._count("orders carried out", 1)

    def _appeal(self) -> None:
        """The first enterprise with an account against which a measure is in force appeals, and is right."""
        store, _clock = self.at
        for found in store.measures.in_states(("in_force",), limit=100):
            own = store.enterprises.enterprise(found.enterprise)
            if own is None or not own.party:
                continue
            by = Actor("member", role="owner", party=store.parties.party(own.party), strong=True)
            measures.appeal(*self.at, actor=by, measure=found.measure, text="号码为他人冒用，已提交证据。")
            self.checks["an appeal leaves the measure as it is until it is decided"] = not self._ends(found.measure)
            made = measures.decide_appeal(
                *self.at, actor=self.decides, measure=found.measure, granted=True, note="证据属实"
            )
            self._appealed = True
            self.checks["an appeal that is right lifts the measure in the same moment, and carriers are told"] = (
                made.state == "lifted" and made.ended == self.registry.clock.now() and self._ends(found.measure)
            )
            return

    def _ends(self, measure: str) -> bool:
        """Whether carriers were told to end a measure."""
        store, _clock = self.at
        return any(row["step"] == "end" for row in store.measures.orders(measure=measure))

    # the fine

    def fine(self, enterprise: str) -> None:
        """An evader is warned, heard, fined by the rulebook, made public and entered in the credit file."""
        store, clock = self.at
        case = next(each for each in store.cases.of_enterprise(enterprise) if each.why == "just_under")
        if case.state == "open":
            self.work(case)
        self._move(case.case_id, "warn")
        office = self.registry.fines
        assert case.last is not None
        proposed = fining.propose(
            office, actor=self.asks, enterprise=enterprise, role="provider", at=case.last, case_id=case.case_id
        )
        cases.hear(*self.at, actor=self.asks, case_id=case.case_id, said="公司表示将整改")
        fining.notice(office, actor=self.asks, penalty=proposed.penalty)
        heard = fining.hear(office, actor=self.asks, penalty=proposed.penalty, text="公司表示将整改")
        fined = fining.decide(
            office, actor=self.decides, penalty=proposed.penalty, sum=heard.proposal.proposed, reason="屡次违规"
        )
        paid = fining.pay(office, actor=self.decides, penalty=proposed.penalty, note="已缴入国库")
        self._move(case.case_id, "fine")
        self._move(case.case_id, "publish", self.publishes)
        self._move(case.case_id, "file_credit")
        public = credit.file_of(store, enterprise, public_only=True)
        self.checks["a fine by the rulebook is decided, paid and stands in the public credit file"] = (
            fined.state == "decided" and paid.state == "paid" and paid.sum == fined.sum > 0
            and [each.kind for each in public] == ["penalty"]
        )
        self.checks["the next offence of the one fined is a repeated one"] = (
            credit.offences(store, enterprise, before=clock.now() + timedelta(days=1)) == 1
        )

    # a wrong mark

    def clear_mark(self, number: SealedNumber) -> None:
        """Who has a number now appeals against its mark from before, and an officer clears it."""
        store, clock = self.at
        keys, zone = self.registry.keys, self.registry.settings.numbers.zone
        opendata.count(store, clock)
        marked = opendata.mark_of(store, keys, number, zone=zone) is not None
        state = markappeals.appeal(store, clock, keys, number=number)
        (waiting,) = markappeals.waiting(store, keys, limit=10, zone=zone)
        markappeals.decide(
            store, clock, appeal=waiting.appeal, clear=True, why="号码已更换机主", actor=self.marks.name
        )
        self.checks["a wrong mark stands until it is appealed against, and an officer clears it"] = (
            marked and state == markappeals.WAITING and opendata.mark_of(store, keys, number, zone=zone) is None
        )

    # the bulletin

    def publish(self, quarter: Quarter) -> Bulletin:
        """The clockwork's draft is reviewed, and published by somebody else than who handed it over."""
        registry = self.registry
        store, clock = self.at
        press = Press(store, clock, registry.keys, registry.plan, registry.settings.numbers.zone)
        self.checks["the clockwork drafts the bulletin at its cut-off"] = bulletins.draft_due(press, actor=SYSTEM) == 1
        name, refused = str(quarter), False
        bulletins.submit(store, clock, actor=self.drafts, quarter=name, version=1)
        try:
            bulletins.publish(store, clock, actor=self.drafts, quarter=name, version=1)
        except NotAllowedError:
            refused = True
        made = bulletins.publish(store, clock, actor=self.publishes, quarter=name, version=1)
        self.checks["who handed the bulletin over cannot publish it, somebody else does"] = refused and made.is_whole
        return made

    # what is shown

    def look(self) -> None:
        """Look at what came of it all."""
        store, _clock = self.at
        with store.reading():
            row = store.engine.row(
                """SELECT reference FROM handling WHERE source = 'people' AND case_id IN (SELECT case_id FROM measure
                WHERE state IN ('in_force', 'lifted', 'expired')) ORDER BY received LIMIT 1"""
            )
            told = consequences.of_report(store, of_reference(store, row["reference"])) if row else None
            unconfirmed = store.measures.orders(open_only=True, limit=1)
        self.checks["a person sees the measure that came of a report"] = bool(told and told.measures)
        self.checks["measures begin after their notice, and carriers confirm each order"] = (
            self.counts.get("measures begun", 0) > 0 and not unconfirmed
        )
        self.checks["the audit trail proves itself"] = audit.verify(store)[1] is None

    def _count(self, name: str, more: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + more
