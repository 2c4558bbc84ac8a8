"""A registry in which something has happened, and the pages of the site with whoever may look at them."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from registry import (
    access,
    applications,
    evidencefiles,
    numberevents,
    organisations,
    parties,
    peoplesreports,
    quarantine,
    registrations,
    reports,
    resellers,
)
from registry.assembly import Registry
from registry.batch_results import batches_of
from registry.editions import FeedEdition, FeedFile, FeedIndex, FeedPart
from registry.handling import Tools
from registry.numbers import parse_one
from registry.preferences import Category, Channel, make, quiet_of
from registry.readers.rows import Row, Unreadable
from registry.sealing import SealedNumber, seal_one
from registry.store.feeds import FeedEditionRow
from registry.times import iso, to_micros
from registry.uscc import company_number
from sync import feed
from tests.web.filled_cases import case_of, case_pages
from tests.web.filled_casework import casework_pages, centre_pages, desk_of, publish, wave_of
from tests.web.filled_clues import clue_pages, clues_of
from tests.web.filled_guard import alarms_of
from tests.web.filled_measures import appealed_in, fine_pages, fines_of, measure_of, measure_pages
from tests.web.filled_outgoing import outgoing
from tests.web.filled_peaks import peak_pages, peaks_in
from tests.web.filled_resources import ledger_of, resource_pages
from tests.web.filled_scrubs import scrub_pages, scrubs_of
from tests.web.receipting import with_receipt

MINE, OTHER = "13800138000", "13911112222"
CARRIERS = (("cmcc", "中国移动", "China Mobile", 5), ("ctcc", "中国电信", "China Telecom", 2))


@dataclass(frozen=True)
class Viewers:
    """Session tokens by who looks: a person with and one without a registration, members by role."""

    tokens: dict[str, str]
    quarantined: str
    batch: str
    member: str
    endpoint: str
    event: str = ""
    held: str = ""
    waiting: str = ""
    refused: str = ""
    colleague: str = ""
    scrubs: dict[str, str] = field(default_factory=dict)  # by state
    measure: str = ""  # against loans
    appealed: str = ""  # against loans, in the case that the own report speaks in
    fines: tuple[str, ...] = ()  # against loans: noticed, decided, proposed, another department's
    enterprise: str = ""  # of loans
    desk: str = ""  # a report on the desk of cmcc
    receipt: str = ""  # a scrub that has one
    alarm: str = ""  # about what loans asks for
    decided: str = ""
    report: str = ""  # the reference of one's own, with evidence
    returned: str = ""
    case: str = ""
    wave: str = ""  # a report that is held with others
    ledger: tuple[str, str, str, str, str] = ("", "", "", "", "")  # see `filled_resources.ledger_of`
    clues: dict[str, str] = field(default_factory=dict)  # batches, by what they are there to show


def sealed(registry: Registry, text: str = MINE) -> SealedNumber:
    return seal_one(registry.keys.at_rest, parse_one(text, registry.plan))


def session_of(registry: Registry, text: str) -> str:
    return access.open_session(
        registry.store, registry.clock, kind="person", minutes=30, number=sealed(registry, text)
    )


def member(registry: Registry, party: str, role: str) -> str:
    """The token of a strong session of a new member."""
    added = parties.add_member(registry.store, registry.clock, party=party, email=f"{role}@{party}.cn", name="王芳",
                               role=role)
    with registry.store.writing(about="members"):
        registry.store.parties.set_member_state(added.member, "active")
    return access.open_session(
        registry.store, registry.clock, kind="member", member=added.member, minutes=60, strong=True
    )


def fill(registry: Registry) -> Viewers:
    """Parties, a registration, editions, acknowledgements, jobs, reports, quarantined rows, keys, members."""
    store, clock = registry.store, registry.clock
    names = (("regulator", "regulator", "监管部门", "Regulator"), ("loans", "telemarketer", "贷款公司", "Loans Ltd"))
    for party, kind, zh, en in names:
        if store.parties.party(party) is None:
            parties.add_party(store, clock, party=party, kind=kind, name_zh=zh, name_en=en)
    for party, zh, en, _have in CARRIERS:
        parties.add_party(store, clock, party=party, kind="carrier", name_zh=zh, name_en=en)
    registrations.register(
        store, clock, number=sealed(registry), source="web", language="zh_CN",
        preference=make({Channel.CALLS: Category, Channel.MESSAGES: [Category.LOAN]}, quiet_of(range(8), [6])),
    )
    _publish(registry)
    _shelve(registry, "cmcc")
    _report(registry)
    parties.issue_key(store, clock, party="cmcc", scopes=("feed",), label="follower")
    held = quarantine.rows_of(store, registry.keys, source="cmcc")
    tokens = {
        "mine": session_of(registry, MINE), "other": session_of(registry, OTHER),
        "officer": member(registry, "regulator", "officer"), "auditor": member(registry, "regulator", "auditor"),
        "owner": member(registry, "cmcc", "owner"), "scrubber": member(registry, "loans", "scrubber"),
        "investigator": member(registry, "regulator", "investigator"),
        "decider": member(registry, "regulator", "decider"), "intake": member(registry, "regulator", "intake"),
    }
    batch = batch_of(registry)
    event, held_event = _move(registry)
    member_id = store.parties.members("cmcc")[0].member
    waiting, refused = _joining(registry)
    tokens["seller"] = member(registry, "loans", "owner")
    colleague = parties.add_member(
        store, clock, party="loans", email="lilei@loans.cn", name="李雷", role="scrubber"
    )
    alarm, decided = alarms_of(registry, "loans")
    publish(registry)
    case, told, measure = case_of(registry), reported(registry), measure_of(registry, "loans", carrier="cmcc")
    made = Viewers(
        tokens, held[0].name, batch, member_id, outgoing(registry), event, held_event, waiting=waiting,
        refused=refused, colleague=colleague.member, scrubs=scrubs_of(registry, "loans"),
        receipt=with_receipt(registry, "loans")[0], alarm=alarm, decided=decided, **told,
        case=case, measure=measure, appealed=appealed_in(registry, "loans", case=case, reference=told["report"]),
        desk=desk_of(registry, OTHER, sealed(registry, OTHER)), wave=wave_of(registry),
        ledger=ledger_of(registry), clues=clues_of(registry),
        fines=fines_of(registry, "loans", case), enterprise=enterprise_of(registry, "loans"),
    )
    peaks_in(registry, "loans")
    return made


def enterprise_of(registry: Registry, party: str) -> str:
    """The enterprise of an account."""
    found = registry.store.enterprises.of_party(party)
    assert found is not None
    return found.enterprise


def reported(registry: Registry) -> dict[str, str]:
    """What the one who holds MINE reported: a report with a picture, and one that came back."""
    tools = Tools(registry.store, registry.clock, registry.keys, registry.plan, registry.rulebooks, "Asia/Shanghai")
    told = peoplesreports.Told("1", "calls", "human", "fraud", registry.clock.now(), "17100000003", 30, "某某贷款",
                               "beijing", "转账", consent=True)
    half = replace(told, id="2", channel="messages", mode="", caller="", description="", duration=None, consent=False)
    whole, back = (
        peoplesreports.take(tools, told=each, reporter=sealed(registry), country="CN").handling for each in (told, half)
    )
    evidencefiles.add(registry.store, registry.keys, registry.clock, registry.shelf, registry.instance / "work",
                      found=whole, source=[b"#!AMR\nsound"])
    return {"report": whole.reference, "returned": back.reference}


def _joining(registry: Registry) -> tuple[str, str]:
    """A telemarketer with its company and principals; an application that waits beside it, and one that was refused."""
    store, clock = registry.store, registry.clock
    contact = organisations.contact_of(registry.plan, name="王芳", email="wang@loans.cn", phone="010-88886666")
    organisations.describe(store, registry.keys, clock, party="loans", company=company_number("91110000802100433B"),
                           sectors=0b101, itself=True, contact=contact)
    for name, number in (("某银行股份有限公司", "914403001922038216"), ("另一家保险公司", "9144030071526726XG")):
        last = organisations.add_principal(store, clock, party="loans", name=name, company=company_number(number))
    organisations.end_principal(store, clock, party="loans", principal=last.principal)
    made = [
        applications.apply(
            store, registry.keys, clock, registry.settings.applications, address="192.0.2.1", language="zh_CN",
            form=number, wish=applications.wish_of(
                name_zh="贷款有限公司", name_en="Loans Inc.", company=company_number(number), sectors=["loan", "game"],
                itself=False, contact=contact,
                principals=[("某银行股份有限公司", company_number("914403001922038216"))],
            ),
        )[0]
        for number in ("91110000802100433B", "91330000717612522B")
    ]  # fmt: skip
    applications.refuse(store, clock, reference=made[1], note="We could not reach you.", actor="member:1")
    return made[0], made[1]


def _move(registry: Registry) -> tuple[str, str]:
    """A row of a number event in quarantine, and an event that is held against another; a reseller with a block."""
    store, clock = registry.store, registry.clock
    parties.add_party(store, clock, party="snail", kind="carrier", name_zh="蜗牛移动", name_en="Snail")
    resellers.set_reseller(store, clock, party="snail", host="cmcc", follows="host")
    resellers.add_blocks(store, clock, registry.plan, reseller="snail", prefixes=[(1, "165000")])
    said = {"number": OTHER, "kind": "ported_in", "at": iso(clock.now())}
    for source in ("ctcc", "snail"):
        numberevents.take_one(store, registry.keys, clock, registry.plan, source=source, fields={**said, "id": "1"})
    numberevents.carry_out_due(store, clock, registry.keys, registry.plan, registry.settings)
    fields = {**said, "id": "2", "kind": "lost", "at": "soon"}
    numberevents.take_in(store, registry.keys, clock, registry.plan, source="cmcc",
                         rows=[Row(1, json.dumps(fields).encode(), fields)], format="ndjson")
    rows = quarantine.rows_of(store, registry.keys, source="cmcc", limit=100)
    (held,) = numberevents.held(store, registry.keys, registry.plan)
    return next(row.name for row in rows if row.about == numberevents.ABOUT), held.event


def _publish(registry: Registry) -> None:
    store, now = registry.store, to_micros(registry.clock.now())
    with store.writing(about="editions"):
        for edition in range(1, 6):
            at = now - (6 - edition) * 60_000_000
            store.editions.insert(edition=edition, state="published", opened=at - 1_000_000, published=at)
            for party, _zh, _en, have in CARRIERS:
                root = hashlib.sha256(f"{party} {edition}".encode()).digest()
                store.feeds.put_edition(FeedEditionRow(
                    party, edition, "full+delta" if edition == 2 else "delta", 3, 900, 100, root, root, at, changes=3,
                    change_bytes=900,
                ))  # fmt: skip
                if edition <= have:
                    store.feeds.acknowledge(
                        recipient=party, edition=edition, content_root=root, exceptions_root=root,
                        at=at + 9_000_000, agrees=party == "cmcc",
                    )
        for place, outcome in enumerate(("done", "failed", "idle")):
            run = f"run{place}"
            job, detail = ("publish", "compare", "ingest")[place], "It differs." if outcome == "failed" else ""
            store.jobs.start(run=run, job=job, holder="test", started=now - 5_000_000)
            store.jobs.finish(run=run, finished=now - 4_000_000, outcome=outcome, counts={"rows": 3}, detail=detail)


def _shelve(registry: Registry, party: str) -> None:
    """The head of a feed on the shelf: a full list at edition 2, change sets from there on to 5, a roll-up."""
    at, root = registry.clock.now(), "00" * 32

    def file(kind: Any, from_: int, to: int, size: int) -> FeedFile:
        return FeedFile(kind, from_, to, 1, (FeedPart(3, size, f"{to:02x}" * 32),))

    index = FeedIndex(
        recipient=party, algorithm="aes-cmac-64", epoch=1, newest=5,
        files=(
            file("full", 0, 2, 50_000), *(file("delta", to - 1, to, 900) for to in range(3, 6)),
            file("rollup", 2, 5, 1_500),
        ),
        editions=(FeedEdition(5, 100, root, 0, root, at),),
    )  # fmt: skip
    for name, content in feed.advance(None, index, registry.signing, at, hours=24).items():
        registry.shelf.put(feed.place(party, name), content)


def batch_of(registry: Registry, party: str = "cmcc") -> str:
    """The newest batch of a party's reports."""
    return batches_of(registry.store, source=party)[0].batch


def _report(registry: Registry) -> None:
    at = registry.clock.now() - timedelta(days=1)

    def row(line: int, **other: Any) -> Row:
        fields = {"id": f"r{line}", "called": f"+86{MINE}", "caller": "+8617100000001", "channel": "calls",
                  "category": "loan", "at": iso(at), "duration": 12} | other
        return Row(line, json.dumps(fields).encode(), fields)

    rows = [row(1), row(2, category="lottery"), Unreadable(3, b'{"id": "cut', "not_json")]
    reports.take_in(registry.store, registry.keys, registry.clock, registry.plan, registry.rulebooks, source="cmcc",
                    kind="carrier", rows=rows, format="ndjson")


def pages(viewers: Viewers) -> list[tuple[str, str, str]]:
    """(endpoint, address, viewer) of every page that can be looked at; viewer "" is anybody."""
    return [
        ("public.home", "/", ""), ("public.privacy", "/privacy", ""), ("public.rules", "/rules", ""),
        ("public.sandbox", "/sandbox", ""), ("opendata.page", "/open-data", ""),
        ("opendata.willing", "/willingness", ""), ("marking.mine", "/my-number/mark", "mine"),
        ("marksdesk.waiting", "/officer/marks", "officer"),
        ("openapi.page", "/api", ""), ("openapi.explain", "/problems/not_found", ""),
        ("public.dev_messages", "/dev/messages", ""), ("people.register", "/register", ""),
        ("people.sign_in", "/my-number/sign-in", ""), ("members.sign_in", "/sign-in", ""),
        ("people.choose", "/my-number/choose", "mine"), ("people.choose", "/my-number/choose", "other"),
        ("people.done", "/my-number/done", "mine"), ("people.my_number", "/my-number", "mine"),
        ("people.my_number", "/my-number", "other"), ("people.withdraw", "/my-number/withdraw", "mine"),
        ("people.history", "/my-number/history?at=2026-11-23T10:00", "mine"), ("reporting.report", "/report", "mine"),
        ("reporting.mine", "/my-reports", "mine"), ("reporting.mine", "/my-reports", "other"),
        ("carriers.overview", "/party", "owner"), ("carriers.editions", "/party/editions?from=1&sort=-size", "owner"),
        ("carriers.acknowledgements", "/party/acknowledgements", "owner"),
        ("carriers.changes", "/party/changes", "owner"),
        ("batches.reports", "/party/reports", "owner"), ("batches.one", f"/party/reports/{viewers.batch}", "owner"),
        ("parties.quarantined", "/party/quarantine", "owner"), *casework_pages(viewers.desk),
        ("parties.fix", f"/party/quarantine/{viewers.quarantined}", "owner"), ("parties.keys", "/party/keys", "owner"),
        ("officers.today", "/officer", "auditor"), ("officers.today", "/officer", "officer"),
        ("alarms.page", "/officer/alarms", "officer"), ("alarms.page", "/officer/alarms", "auditor"),
        ("officers.jobs", "/officer/jobs", "auditor"), ("officers.trail", "/officer/audit", "auditor"),
        ("officers.all_parties", "/officer/parties", "officer"),
        ("officers.add_party", "/officer/parties/add", "officer"),
        ("officers.one_party", "/officer/parties/cmcc", "officer"),
        ("suspending.suspend", "/officer/parties/cmcc/suspend", "officer"),
        ("suspending.resume", "/officer/parties/cmcc/resume", "officer"),
        ("suspending.suspend_member", f"/officer/parties/cmcc/members/{viewers.member}/suspend", "officer"),
        ("suspending.invite_again", f"/officer/parties/cmcc/members/{viewers.member}/invite", "officer"),
        ("outboxes.all_outboxes", "/officer/outboxes?source=ctcc", "officer"),
        ("webhooks.all_endpoints", "/party/webhooks", "owner"),
        ("webhooks.endpoint", f"/party/webhooks/{viewers.endpoint}", "owner"),
        ("parties.fix", f"/party/quarantine/{viewers.event}", "owner"),
        ("moving.held", "/officer/number-events", "officer"),
        ("moving.decide", f"/officer/number-events/{viewers.held}", "officer"),
        ("moving.reseller", "/officer/parties/snail/reseller", "officer"),
        ("moving.reseller", "/officer/parties/cmcc/reseller", "officer"),
        ("guarding.overview", "/officer/scrubs", "officer"),
        ("guarding.alarm", f"/officer/scrubs/alarms/{viewers.alarm}", "officer"),
        ("guarding.alarm", f"/officer/scrubs/alarms/{viewers.decided}", "officer"),
        ("guarding.lane", "/officer/scrubs/parties/loans", "officer"),
        ("joining.join", "/join", ""), ("joining.state", "/join/state", ""),
        ("applications.queue", "/officer/applications", "officer"),
        ("applications.one", f"/officer/applications/{viewers.waiting}", "officer"),
        ("applications.one", f"/officer/applications/{viewers.refused}", "officer"),
        ("applications.tier", "/officer/parties/loans/tier", "officer"),
        ("applications.describe", "/officer/parties/loans/company", "officer"),
        ("officers.one_party", "/officer/parties/loans", "officer"),
        ("companies.company", "/party/company", "seller"), ("companies.members", "/party/members", "seller"),
        ("companies.members", "/party/members", "owner"),
        ("companies.suspend", f"/party/members/{viewers.colleague}/suspend", "seller"),
        ("companies.invite_again", f"/party/members/{viewers.colleague}/invite", "seller"),
        ("parties.keys", "/party/keys", "seller"),
        *((endpoint, address, "scrubber") for endpoint, address in scrub_pages(viewers.scrubs)),
        ("receipts.one", f"/party/scrubs/{viewers.receipt}/receipt", "seller"),
        *_report_pages(viewers), *centre_pages(viewers.desk, viewers.wave, viewers.report),
        *case_pages(viewers.case), *peak_pages(), ("", "/there-is-nothing-here", ""), ("", "/officer/audit", "officer"),
    ]  # fmt: skip


def _report_pages(viewers: Viewers) -> list[tuple[str, str, str]]:
    """Pages of reports and their evidence, of receipts that anybody may check, of measures and clues."""
    return [
        *clue_pages(viewers.clues),
        ("reportstates.one", f"/my-reports/{viewers.report}", "mine"),
        ("reportstates.one", f"/my-reports/{viewers.returned}", "mine"),
        ("evidencepages.files", f"/officer/reports/{viewers.report}/evidence", "officer"),
        ("verifying.verify", "/verify", ""), ("credit.lists", "/credit", ""),
        ("measures.overview", "/party/measures", "owner"), ("measures.overview", "/party/measures", "seller"),
        ("measures.appeal", f"/party/measures/{viewers.measure}", "seller"),
        *measure_pages(viewers.appealed, viewers.measure), *fine_pages(viewers.fines, viewers.enterprise),
        *resource_pages(viewers.ledger),
    ]


class Visitor:
    """Somebody with a browser that keeps cookies and sends the tokens of forms."""

    def __init__(self, app: Flask, token: str = "", language: str = "en") -> None:
        self.client: FlaskClient = app.test_client()
        self.client.set_cookie("dc_language", language)
        if token:
            self.client.set_cookie("dc_session", token)
        self.page = self.token = ""

    def get(self, address: str, *, status: int = 200) -> str:
        """Open a page, redirects included."""
        return self._keep(self.client.get(address, follow_redirects=True), status)

    def post(self, address: str, /, *, status: int = 200, **fields: Any) -> str:
        """Send a form with the newest token that a page had, and follow where it leads."""
        fields["csrf_token"] = self.token
        return self._keep(self.client.post(address, data=fields, follow_redirects=True), status)

    def _keep(self, answer: TestResponse, status: int) -> str:
        self.address = answer.request.path
        self.page = answer.get_data(as_text=True)
        self.token = next(iter(re.findall(r'name="csrf_token" value="([^"]+)"', self.page)), self.token)
        assert answer.status_code == status, self.page
        return self.page


