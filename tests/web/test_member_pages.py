"""What carriers' members and officers do on the site: sign in, keys, quarantine, parties, invitations."""

from __future__ import annotations

import re
from datetime import timedelta

import pyotp
from flask import Flask

from registry import credentials, parties
from registry.assembly import Registry
from registry.times import to_micros
from tests.doubles import FakeClock
from tests.web.filled import Viewers, Visitor

PASSWORD = "correct horse battery"


def secret_on(page: str) -> str:
    return re.findall(r'<p class="secret">([^<]+)</p>', page)[0]


def invited(registry: Registry, party: str = "regulator", role: str = "officer") -> str:
    added = parties.add_member(
        registry.store, registry.clock, party=party, email="li@example.cn", name="李雷", role=role
    )
    return credentials.invite(registry.store, registry.clock, member=added.member)


def code(secret: str, clock: FakeClock) -> str:
    return pyotp.TOTP(secret).at(clock.now())


def test_the_one_time_link_leads_through_password_and_second_factor_to_the_work(
    registry: Registry, app: Flask, clock: FakeClock, viewers: Viewers
) -> None:
    token = invited(registry)
    visitor = Visitor(app)
    assert "李雷, this link works once" in visitor.get(f"/sign-in/first/{token}")
    assert "The two passwords differ." in visitor.post(
        f"/sign-in/first/{token}", status=422, password=PASSWORD, again="another one"
    )
    visitor.post(f"/sign-in/first/{token}", status=422, password="short", again="short")
    page = visitor.post(f"/sign-in/first/{token}", password=PASSWORD, again=PASSWORD)
    assert visitor.address == "/sign-in/second"
    assert "<svg" in page
    secret = secret_on(page)
    visitor.get("/officer")
    assert visitor.address == "/sign-in/second", "a password alone opens nothing"
    visitor.post("/sign-in/second", status=422, code="000000")
    assert "Today" in visitor.post("/sign-in/second", code=code(secret, clock))
    assert visitor.address == "/officer"
    assert Visitor(app).get(f"/sign-in/first/{token}", status=404)

    visitor.post("/sign-out")
    clock.advance(minutes=1)
    visitor.get("/officer")
    assert visitor.address == "/sign-in"
    wrong = visitor.post("/sign-in", status=422, email="li@example.cn", password="wrong password")
    unknown = visitor.post("/sign-in", status=422, email="nobody@example.cn", password="wrong password")
    assert "Email or password is wrong." in wrong
    assert "Email or password is wrong." in unknown
    page = visitor.post("/sign-in", email="li@example.cn", password=PASSWORD)
    assert "<svg" not in page.split("<main")[1], "the secret is never shown again"
    visitor.post("/sign-in/second", code=code(secret, clock))
    assert visitor.address == "/officer"


def test_guessing_passwords_locks_the_door_with_the_wait(registry: Registry, app: Flask, viewers: Viewers) -> None:
    visitor = Visitor(app)
    page = visitor.get(f"/sign-in/first/{invited(registry, 'cmcc', 'reader')}")
    action = re.findall(r'action="(/sign-in/first/[^"]+)"', page)[0]
    visitor.post(action, password=PASSWORD, again=PASSWORD)
    assert visitor.address == "/party"
    other = Visitor(app)
    other.get("/sign-in")
    for _guess in range(5):
        other.post("/sign-in", status=422, email="li@example.cn", password="wrong password")
    locked = other.post("/sign-in", status=429, email="li@example.cn", password=PASSWORD)
    assert "That was too often. Please wait" in locked


def test_a_key_is_shown_once_and_stops_when_it_is_revoked(registry: Registry, app: Flask, viewers: Viewers) -> None:
    visitor = Visitor(app, viewers.tokens["owner"])
    visitor.get("/party/keys")
    visitor.post("/party/keys", status=422, label="nothing ticked")
    secret = secret_on(visitor.post("/party/keys", label="second follower", scopes=["feed", "reports"]))
    assert secret.startswith("dc_")
    assert parties.key_actor(registry.store, registry.clock, secret).party is not None
    assert secret not in visitor.get("/party/keys")
    key = secret.split("_")[1]
    visitor.post(f"/party/keys/{key}/revoke")
    assert app.test_client().get("/api/v1/keys", headers={"Authorization": f"Bearer {secret}"}).status_code == 401


def test_a_carrier_sees_how_its_key_epochs_stand(registry: Registry, app: Flask, viewers: Viewers) -> None:
    with registry.store.writing(about="key_epoch"):
        registry.store.epochs.begin(epoch=2, at=to_micros(registry.clock.now() - timedelta(days=3)))
    page = Visitor(app, viewers.tokens["owner"]).get("/party/keys")
    listed = re.sub(r"\s*<[^>]+>\s*", "|", page[page.index(">Key epochs<") :])
    assert re.search(r"\|2\|+Current\|.*\|3\|.*\|1\|+Overlap: still published\|", listed)


def test_a_party_gives_its_keys_only_what_its_kind_may_do(registry: Registry, app: Flask, viewers: Viewers) -> None:
    visitor = Visitor(app, viewers.tokens["officer"])
    visitor.get("/officer/parties/loans")
    visitor.post("/officer/parties/loans/keys", status=422, label="too much", scopes=["feed"])
    assert secret_on(visitor.post("/officer/parties/loans/keys", label="figures", scopes=["read"]))


def test_nobody_revokes_or_fixes_what_belongs_to_another_party(
    registry: Registry, app: Flask, viewers: Viewers
) -> None:
    key, _secret = parties.issue_key(registry.store, registry.clock, party="ctcc", scopes=("feed",), label="theirs")
    visitor = Visitor(app, viewers.tokens["owner"])
    visitor.get("/party/keys")
    visitor.post(f"/party/keys/{key}/revoke", status=404)
    visitor.get("/party/quarantine/0123456789abcdef", status=404)


def test_a_quarantined_row_is_corrected_released_and_judged(registry: Registry, app: Flask, viewers: Viewers) -> None:
    visitor = Visitor(app, viewers.tokens["owner"])
    page = visitor.get("/party/quarantine")
    assert "Category: unknown word" in page
    assert "The line is not JSON." in page
    address = f"/party/quarantine/{viewers.quarantined}"
    page = visitor.get(address)
    filled = dict(re.findall(r'<input[^>]* id="(\w+)"[^>]* name="\w+"[^>]* value="([^"]*)"', page))
    assert "Category: unknown word" in visitor.post(address, status=422, **{**filled, "category": "lottery"})
    visitor.post(address, **{**filled, "category": "loan"})
    assert "taken in and judged" in visitor.page
    assert registry.store.reports.totals("cmcc")["quarantined"] == 3
    assert "Category: unknown word" not in visitor.page


def test_a_quarantined_row_is_discarded_only_with_a_reason(registry: Registry, app: Flask, viewers: Viewers) -> None:
    visitor = Visitor(app, viewers.tokens["owner"])
    address = f"/party/quarantine/{viewers.quarantined}"
    visitor.get(address)
    assert "say why" in visitor.post(f"{address}/discard", note="")
    assert "The row was discarded." in visitor.post(f"{address}/discard", note="a test of ours")


def test_an_officer_adds_a_party_and_invites_its_owner(registry: Registry, app: Flask, viewers: Viewers) -> None:
    visitor = Visitor(app, viewers.tokens["officer"])
    visitor.get("/officer/parties/add")
    said = {"party": "cucc", "kind": "carrier", "name_zh": "中国联通", "name_en": "China Unicom", "scope": "home"}
    visitor.post("/officer/parties/add", status=422, **{**said, "party": "No Such Name"})
    visitor.post("/officer/parties/add", **said)
    assert visitor.address == "/officer/parties/cucc"
    visitor.get("/officer/parties/add")
    assert "party of this short name already" in visitor.post("/officer/parties/add", status=422, **said)
    visitor.get("/officer/parties/cucc")
    member = {"name": "韩梅梅", "email": "han@example.cn", "role": "owner"}
    visitor.post("/officer/parties/cucc/members", status=422, **{**member, "email": "none"})
    link = secret_on(visitor.post("/officer/parties/cucc/members", **member))
    assert "韩梅梅" in Visitor(app).get(link.removeprefix("http://localhost"))
    assert "with this email already" in visitor.post("/officer/parties/cucc/members", status=422, **member)


def test_roles_see_what_is_theirs_and_nothing_else(app: Flask, viewers: Viewers) -> None:
    officer, auditor = Visitor(app, viewers.tokens["officer"]), Visitor(app, viewers.tokens["auditor"])
    assert "/officer/audit" not in officer.get("/officer")
    officer.get("/officer/audit", status=403)
    assert "/officer/parties" not in auditor.get("/officer")
    auditor.get("/officer/parties", status=403)
    Visitor(app, viewers.tokens["owner"]).get("/officer", status=403)
    officer.get("/party", status=403)


def test_the_officers_page_says_how_each_carrier_stands(app: Flask, viewers: Viewers) -> None:
    page = Visitor(app, viewers.tokens["officer"]).get("/officer")
    page = page[page.index("<h2>Carriers") :]
    mobile, telecom = (page.index(name) for name in ("China Mobile", "China Telecom"))
    assert "In sync" in page[mobile:telecom]
    assert "Differs" in page[telecom:]
    assert page.count("<svg aria-hidden") == 2
    assert "Compare base with tables" in page
