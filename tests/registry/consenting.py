"""What the tests of consents and standings share: a person, two companies, and short ways to say what happens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from registry import consents
from registry.consents import Terms, masks_of
from registry.decisions import Contact, decide
from registry.numbering import load_plan
from registry.preferences import Category, Channel
from registry.rulebook import Rulebooks
from registry.sealing import SealedNumber
from registry.standing import standing_of
from registry.store import Store
from tests.doubles import FakeClock

PLAN = load_plan()
LI = SealedNumber(b"a sealed number!")
LOAN_CALLS = masks_of({Channel.CALLS: [Category.LOAN]})
LOAN_MESSAGES = masks_of({Channel.MESSAGES: [Category.LOAN]})
TRAVEL_CALLS = masks_of({Channel.CALLS: [Category.TRAVEL]})
PROOF = {"how": "a box that was empty on the order page", "text": "Acme may send me loan offers, once a week."}


class Office:
    """The use cases with their collaborators filled in; whatever isn't said is about Li, acme and loans."""

    def __init__(self, store: Store, clock: FakeClock, rulebooks: Rulebooks) -> None:
        self.store, self.clock, self.rulebooks = store, clock, rulebooks

    def terms(self, masks: tuple[int, int, int] = LOAN_MESSAGES, *, days: int = 30, most: int = 1) -> Terms:
        return Terms(masks, most, "week", self.clock.now() + timedelta(days=days))

    def ask(self, masks: tuple[int, int, int] = LOAN_MESSAGES, *, company: str = "acme", days: int = 30) -> str:
        terms = self.terms(masks, days=days)
        return consents.ask(self.store, self.clock, number=LI, telemarketer=company, terms=terms)

    def grant(self, name: str, proof: dict[str, str] = PROOF, *, explicit: bool = True) -> None:
        consents.grant(
            self.store, self.clock, self.rulebooks, number=LI, consent=name, evidence=proof, explicit=explicit
        )

    def granted(self, masks: tuple[int, int, int] = LOAN_MESSAGES, *, days: int = 30) -> str:
        name = self.ask(masks, days=days)
        self.grant(name)
        return name

    def give(self, masks: tuple[int, int, int] = LOAN_MESSAGES, *, days: int = 30) -> str:
        return consents.give(
            self.store, self.clock, self.rulebooks, number=LI, telemarketer="acme",
            terms=self.terms(masks, days=days), evidence=PROOF,
        )

    def refuse(self, name: str) -> None:
        consents.refuse(self.store, self.clock, self.rulebooks, number=LI, consent=name)

    def withdraw(self, name: str) -> None:
        consents.withdraw(self.store, self.clock, self.rulebooks, number=LI, consent=name)

    def lapse(self) -> int:
        return consents.lapse_due(self.store, self.clock, self.rulebooks)

    def state(self, name: str) -> str:
        row = self.store.consents.find(number=LI, consent=name)
        assert row is not None
        return str(row["state"])

    def exceptions(self) -> dict[tuple[str, int], tuple[int, int, int]]:
        """What is in force and travels: (company, kind) -> masks."""
        rows = self.store.consents.exceptions(LI)
        return {(r["telemarketer"], r["kind"]): (r["calls"], r["robocalls"], r["messages"]) for r in rows}

    def pending(self) -> set[tuple[str, int]]:
        rows = self.store.engine.rows("SELECT telemarketer, kind FROM pending_exception WHERE edition IS NULL")
        return {(row["telemarketer"], row["kind"]) for row in rows}

    def published(self) -> None:
        with self.store.writing():
            self.store.engine.run("DELETE FROM pending_exception")

    def reason(self, channel: Channel, category: Category, company: str = "acme") -> str:
        """Why a contact that the company makes now is allowed or not, asked by itself."""
        contact = Contact(self.clock.now(), channel, category, telemarketer=company)
        rulebook = self.rulebooks.at(contact.at)
        return decide(contact, self.standing(company), rulebook, holidays=PLAN.holidays, asker="telemarketer").reason

    def standing(self, company: str | None = "acme", *, ago: float = 0) -> Any:
        at = self.clock.now() - timedelta(seconds=ago)
        return standing_of(self.store, number=LI, at=at, telemarketer=company)
