"""The menus of members: sections, and the pages of the section one is in, so that a phone shows few links at a time.

Rules of this room: a page stands in one section; a link shows only to whoever may follow it; nothing here needs a
script. Whoever adds a page to a party or to the office adds one `Place`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_babel import lazy_gettext

from registry.access import Actor, may


@dataclass(frozen=True)
class Place:
    """One page of a menu: its endpoint, its name, what one must be allowed to (any of it), whose kind it is for.

    `inner` are endpoints of pages beneath it, `kinds` kinds of parties (none: all).
    """

    endpoint: str
    text: Any
    needs: tuple[str, ...] = ("see_own_party",)
    inner: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    @property
    def is_here(self) -> bool:
        """Whether the page asked for is this one or lies beneath it."""
        return request.endpoint in {self.endpoint, *self.inner}

    @property
    def is_page(self) -> bool:
        """Whether the page asked for is this one."""
        return request.endpoint == self.endpoint

    def is_for(self, actor: Actor) -> bool:
        """Whether an actor gets a link to it."""
        kind = actor.party.kind if actor.party else ""
        return (not self.kinds or kind in self.kinds) and any(may(actor, action) for action in self.needs)


@dataclass(frozen=True)
class Section:
    """Pages that belong together. The first that one may see is where its link leads."""

    text: Any
    places: tuple[Place, ...]

    @property
    def is_here(self) -> bool:
        """Whether the page asked for lies in it."""
        return any(place.is_here for place in self.places)


_CARRIER = ("carrier",)
_TELEMARKETER = ("telemarketer",)
_SENDERS = ("carrier", "centre")

PARTY: tuple[Section, ...] = (
    Section(lazy_gettext("Feed"), (
        Place("carriers.overview", lazy_gettext("State"), kinds=_SENDERS),
        Place("carriers.editions", lazy_gettext("Editions"), kinds=_CARRIER),
        Place("carriers.acknowledgements", lazy_gettext("Acknowledgements"), kinds=_CARRIER),
        Place("carriers.changes", lazy_gettext("What changed"), kinds=_CARRIER),
        Place("public.sandbox", lazy_gettext("Magic numbers"), kinds=_CARRIER),
    )),
    Section(lazy_gettext("Scrub"), (
        Place("scrubs.overview", lazy_gettext("Overview"), ("see_scrubs",)),
        Place("scrubasking.new", lazy_gettext("Check a list"), ("scrub",), ("scrubasking.send", "scrubasking.ask")),
        Place("checking.quick", lazy_gettext("Check a few numbers"), ("scrub",)),
        Place("scrubs.history", lazy_gettext("Checks so far"), ("see_scrubs",),
              ("scrubs.one", "receipts.one", "receipts.prove")),
        Place("scrubs.balance", lazy_gettext("Balance"), ("see_scrubs",)),
    )),
    Section(lazy_gettext("Reports"), (
        Place("queues.overview", lazy_gettext("Your desk"), ("work_desk",),
              ("queues.one", "queues.many", "queues.upload")),
        Place("batches.reports", lazy_gettext("Sent"), inner=("batches.one",), kinds=_SENDERS),
        Place("parties.quarantined", lazy_gettext("Quarantine"), ("send_reports",), ("parties.fix",)),
    )),
    Section(lazy_gettext("Measures"), (
        Place("measures.overview", lazy_gettext("Measures"), inner=("measures.appeal",),
              kinds=("carrier", "telemarketer")),
        Place("fines.overview", lazy_gettext("Fines"), inner=("fines.one", "fines.paper"),
              kinds=("carrier", "telemarketer")),
        Place("owncredit.own", lazy_gettext("Credit file"), kinds=("carrier", "telemarketer")),
        Place("ownpeaks.own", lazy_gettext("Peaks"), kinds=("carrier", "telemarketer")),
        Place("ledgers.overview", lazy_gettext("Number resources"), ("see_ledger",), ("ledgers.one",)),
    )),
    Section(lazy_gettext("Company"), (
        Place("companies.company", lazy_gettext("Your company"), kinds=_TELEMARKETER),
        Place("public.sandbox", lazy_gettext("Magic numbers"), kinds=_TELEMARKETER),
    )),
    Section(lazy_gettext("Access"), (
        Place("parties.keys", lazy_gettext("Keys"), ("manage_own_keys",)),
        Place("companies.members", lazy_gettext("Members"), ("manage_own_members",),
              ("companies.suspend", "companies.invite_again")),
        Place("webhooks.all_endpoints", lazy_gettext("Webhooks"), ("manage_own_webhooks",), ("webhooks.endpoint",)),
    )),
)  # fmt: skip

OFFICE: tuple[Section, ...] = (
    Section(lazy_gettext("Today"), (
        Place("officers.today", lazy_gettext("Today"), ("see_overview",)),
        Place("alarms.page", lazy_gettext("Alarms"), ("see_overview",)),
        Place("officefigures.overview", lazy_gettext("Figures"), ("see_overview",)),
        Place("peakdesk.overview", lazy_gettext("Peaks"), ("see_overview",)),
    )),
    Section(lazy_gettext("Parties"), (
        Place(
            "officers.all_parties", lazy_gettext("Parties"), ("manage_parties", "manage_keys"),
            ("officers.one_party", "officers.add_party", "officers.issue", "officers.invite", "suspending.suspend",
             "suspending.resume", "suspending.suspend_member", "suspending.invite_again", "moving.reseller",
             "moving.add_block", "applications.tier", "applications.describe"),
        ),
        Place("applications.queue", lazy_gettext("Applications"), ("manage_parties",),
              ("applications.one", "applications.approve", "applications.refuse")),
        Place("guarding.overview", lazy_gettext("What they ask"), ("settle_alarms",),
              ("guarding.alarm", "guarding.lane")),
        Place("outboxes.all_outboxes", lazy_gettext("Outboxes"), ("manage_parties",)),
    )),
    Section(lazy_gettext("Reports"), (
        Place("centre.queue", lazy_gettext("Queue"), ("see_reports",),
              ("centrefiles.one", "centrefiles.answer", "centre.bulk", "evidencepages.files")),
        Place("centreheld.waves", lazy_gettext("Held reports"), ("see_reports",)),
    )),
    Section(lazy_gettext("Cases"), (
        Place("cases.queue", lazy_gettext("Cases"), ("see_cases",), ("casefiles.one",)),
        Place("measuredesk.overview", lazy_gettext("Measures"), ("see_cases",), ("measuredesk.one",)),
        Place("finedesk.queue", lazy_gettext("Fines"), ("see_cases",), ("finedesk.one", "finedesk.paper")),
        Place("creditdesk.lists", lazy_gettext("Credit files"), ("see_cases",), ("creditdesk.one",)),
        Place("enterprises.search", lazy_gettext("Enterprises"), ("see_cases",), ("enterprises.one",)),
        Place("clues.overview", lazy_gettext("Clues"), ("see_cases",), ("clues.one", "cluemoves.upload")),
    )),
    Section(lazy_gettext("Numbers"), (
        Place("resources.overview", lazy_gettext("Number resources"), ("see_cases",),
              ("resources.one", "resources.search")),
        Place("moving.held", lazy_gettext("Held events"), ("decide_events",), ("moving.decide",)),
        Place("marksdesk.waiting", lazy_gettext("Wrong marks"), ("decide_events",)),
    )),
    Section(lazy_gettext("Bulletins"), (
        Place("publishing.overview", lazy_gettext("Bulletins"), ("see_cases",),
              ("publishing.draft", "publishing.one", "publishing.move")),
    )),
    Section(lazy_gettext("Jobs"), (Place("officers.jobs", lazy_gettext("Jobs"), ("see_jobs",)),)),
    Section(lazy_gettext("Audit"), (Place("officers.trail", lazy_gettext("Audit"), ("read_audit",)),)),
)  # fmt: skip


def menu_for(sections: Sequence[Section], actor: Actor) -> tuple[Section, ...]:
    """The sections with the pages that an actor may see; those without any are left out."""
    seen = (
        Section(section.text, tuple(place for place in section.places if place.is_for(actor))) for section in sections
    )
    return tuple(section for section in seen if section.places)


def shown(sections: Sequence[Section], actor_of: Callable[[], Actor]) -> dict[str, Any]:
    """What layouts need: `menu`, and `may(action)` of whoever looks."""
    actor = actor_of()
    return {"menu": menu_for(sections, actor), "may": lambda action: may(actor, action)}
