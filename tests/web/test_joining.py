"""Companies join on pages: they apply, an officer decides, the owner signs in and rules the account; attackers learn
nothing."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pyotp
import pytest
from flask import Flask

from registry import access, applications, organisations, parties
from registry.assembly import Registry
from tests.web.filled import Visitor, member
from web.application import create_app

APPLICATION = {
    "name_zh": "深圳快拨科技有限公司", "name_en": "Swift Dial Co., Ltd.", "country": "CN",
    "registration": " ９１４４０３００１９２２０３８２１６ ", "sectors": ["loan", "game"], "itself": "y",
    "principals": "9144030071526726XG，某银行股份有限公司\n\nDE hrb 12345, Bank GmbH\n91330000717612522b 某保险公司",
    "contact_name": "王芳", "email": "Wang@swift.example", "phone": "138 0013 8000",
}  # fmt: skip
SECRET = re.compile(r'class="secret">([a-z-]+)<')
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def officer(app: Flask, registry: Registry) -> Visitor:
    parties.add_party(
        registry.store, registry.clock, party="regulator", kind="regulator", name_zh="监管部门", name_en="Regulator"
    )
    return Visitor(app, member(registry, "regulator", "officer"))


def applied(app: Flask, **other: object) -> tuple[str, str]:
    """Apply on the page: reference and secret."""
    visitor = Visitor(app)
    form = visitor.get("/join")
    word = re.findall(r'name="word" type="hidden" value="([a-z]{32})"', form)
    assert word, form
    page = visitor.post("/join", word=word[0], **{**APPLICATION, **other})
    assert visitor.address == "/join/state", page
    reference, secret = SECRET.findall(page)
    return reference, secret


def test_a_company_joins_from_the_form_to_its_owners_first_key(
    app: Flask, registry: Registry, officer: Visitor
) -> None:
    reference, secret = applied(app)
    assert "1 company waits for an account" in officer.get("/officer")
    page = officer.get("/officer/applications?state=waiting")
    assert "Swift Dial Co., Ltd." in page
    assert "914403001922038216" in page
    address = re.findall(r'href="(/officer/applications/[a-z]+)"', page)[0]
    page = officer.get(address)
    for text in ("某银行股份有限公司", "DE HRB12345", "wang@swift.example", "+8613800138000", 'value="swift-dial"'):
        assert text in page
    page = officer.post(f"{address}/approve", party="swift", tier="plus", email="wang@swift.example")
    assert officer.address == "/officer/parties/swift"
    link = re.findall(r"/sign-in/first/[\w-]+", page)[0]
    assert "/sign-in/first/" not in officer.get("/officer/parties/swift")  # shown once
    assert len(organisations.principals_of(registry.store, "swift")) == 3

    stranger = Visitor(app)
    stranger.get("/join/state")
    assert "Your account is there" in stranger.post("/join/state", reference=reference, secret=secret)

    owner = Visitor(app)
    owner.get(link)
    page = owner.post(link, password="correct horse 电池", again="correct horse 电池")
    assert owner.address == "/sign-in/second"
    assert owner.client.get("/party/company").status_code == 303  # nothing before the second factor
    shown = re.findall(r'class="secret">([A-Z2-7 ]+)<', page)[0].replace(" ", "")
    owner.post("/sign-in/second", code=pyotp.TOTP(shown).at(registry.clock.now()))
    page = owner.get("/party/keys")
    assert "Have call lists checked" in page
    assert "Follow the feed" not in page
    page = owner.post("/party/keys", label="trying", scopes=["check", "read"], sandbox="y")
    key = re.findall(r"dc_[a-z]{16}_[\w-]{43}", page)[0]
    assert parties.key_actor(registry.store, registry.clock, key).sandbox
    assert "Sandbox" in page
    page = owner.post("/party/keys", label="trying", scopes=["webhooks"], sandbox="y", status=422)
    assert "A key of the sandbox may only" in page


@pytest.mark.parametrize(("wrong", "said"), [
    ({"name_zh": ""}, "Please fill this in."), ({"name_zh": SCRIPT}, "A name has 2 to 120"),
    ({"registration": "914403001922038217"}, "one of its characters is mistyped"),
    ({"registration": "123"}, "has 18 digits and letters"), ({"country": "US", "registration": "?"}, "3 to 40 letters"),
    ({"country": "XX"}, "Not a valid choice"), ({"sectors": []}, "tick at least one industry"),
    ({"sectors": ["lottery"]}, "not a valid choice"), ({"itself": "", "principals": ""}, "or for others?"),
    ({"principals": "9144030071526726XG,某银行\n914403001922038217,坏"}, "Line 2: This code cannot be right"),
    ({"principals": "9144030071526726XG"}, "Line 1: A company needs"),
    ({"principals": "914403001922038216,自己公司"}, "your company itself"),
    ({"email": "nobody"}, "not an email address"), ({"phone": "12"}, "too short"),
    ({"contact_name": " "}, "fill this in"),
])  # fmt: skip
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(
    app: Flask, registry: Registry, wrong: dict[str, object], said: str
) -> None:
    visitor = Visitor(app)
    visitor.get("/join")
    page = html.unescape(visitor.post("/join", status=422, **{**APPLICATION, **wrong}))
    assert said.lower() in page.lower()
    assert registry.store.applications.all() == ()
    assert SCRIPT not in visitor.page
    if "email" not in wrong:
        assert "Wang@swift.example" in page


def test_everything_that_is_wrong_is_said_at_once(app: Flask) -> None:
    visitor = Visitor(app)
    visitor.get("/join")
    page = visitor.post("/join", status=422, **{
        **APPLICATION, "name_zh": "Ѕwift", "registration": "1", "phone": "1", "principals": "x"
    })  # fmt: skip
    assert page.count('class="wrong-text"') == 4


def test_a_form_that_is_sent_twice_is_one_application_and_shows_its_secret_again(
    app: Flask, registry: Registry
) -> None:
    visitor, seen = Visitor(app), []
    visitor.get("/join")
    for _time in range(2):
        seen.append(SECRET.findall(visitor.post("/join", word="a" * 32, **APPLICATION)))
    assert seen[0] == seen[1]
    assert len(seen[0]) == 2
    assert len(registry.store.applications.all()) == 1
    assert SECRET.findall(visitor.get("/join/state")) == []


# what attackers do


def test_nobody_learns_by_applying_whether_a_company_is_known(app: Flask, officer: Visitor, registry: Registry) -> None:
    def answer() -> str:
        visitor = Visitor(app)
        visitor.get("/join")
        page = visitor.post("/join", **APPLICATION)
        return re.sub(r'[a-z]{4}-[a-z-]+|<time.*?</time>|name="csrf_token" value="[^"]+"', "", page)

    first = answer()
    (found,) = registry.store.applications.all()
    officer.get(f"/officer/applications/{found.reference}")
    officer.post(f"/officer/applications/{found.reference}/approve", party="swift", tier="basic", email="a@swift.cn")
    assert answer() == first
    page = officer.get("/officer/applications?state=waiting")
    again = re.findall(r'href="(/officer/applications/[a-z]+)"', page)[0]
    page = officer.get(again)
    assert "This company has an account:" in page
    assert "The same company applied before:" in page
    page = officer.post(f"{again}/approve", party="swift2", tier="basic", email="b@swift.cn", status=422)
    assert "This company has an account already" in page
    officer.post(f"{again}/refuse", note="You have an account: ask its owner.")
    assert "Undecided" not in officer.get("/officer/applications?state=refused").partition("<tbody>")[2]


def test_spam_ends_at_the_limits_and_says_how_long_to_wait(registry: Registry) -> None:
    few = replace_applications(registry, per_address_day=2)
    visitor = Visitor(create_app(few))
    visitor.get("/join")
    for place in range(2):
        visitor.get("/join")
        visitor.post("/join", **{**APPLICATION, "name_en": f"Swift {place}"})
    visitor.get("/join")
    assert "Please wait" in visitor.post("/join", status=429, **{**APPLICATION, "name_en": "Swift more"})
    assert registry.store.applications.waiting() == 2
    full = Visitor(create_app(replace_applications(registry, most_waiting=1)))
    full.get("/join")
    assert "Very many applications" in full.post("/join", status=503, **APPLICATION)


def replace_applications(registry: Registry, **other: int) -> Registry:
    settings = registry.settings
    kept = {name: getattr(settings, name) for name in settings.__struct_fields__}
    less = applications_settings(registry, **other)
    return replace(registry, settings=type(settings)(**{**kept, "applications": less}))


def applications_settings(registry: Registry, **other: int) -> object:
    now = registry.settings.applications
    return type(now)(**{**{name: getattr(now, name) for name in now.__struct_fields__}, **other})


def test_guessing_a_secret_ends_after_some_guesses_and_a_cookie_of_another_browser_opens_nothing(
    app: Flask, registry: Registry
) -> None:
    reference, secret = applied(app)
    guesser = Visitor(app)
    guesser.get("/join/state")
    for _guess in range(10):
        guesser.post("/join/state", reference=reference, secret="bcdf-ghjk", status=422)
    guesser.post("/join/state", reference=reference, secret=secret, status=429)
    assert "快拨" not in guesser.get("/join/state")
    assert "Swift" not in Visitor(app).get("/join/state")
    registry.clock.advance(hours=1)  # type: ignore[attr-defined] # the test's clock
    assert "Swift Dial" in guesser.post("/join/state", reference=reference.upper(), secret=f" {secret}")
    assert guesser.address == "/join/state"
    assert secret not in guesser.page


def test_what_an_applicant_wrote_is_text_on_the_officers_pages(app: Flask, officer: Visitor) -> None:
    reference, _secret = applied(app, contact_name=SCRIPT, email='"><img/src=x>@x.example')
    page = officer.get(f"/officer/applications/{reference.replace('-', '')}")
    assert SCRIPT not in page
    assert "<img" not in page
    assert html.escape(SCRIPT) in page or "&lt;script&gt;" in page


def test_only_officers_see_applications_and_each_is_asked_for_by_its_reference(
    app: Flask, officer: Visitor, registry: Registry
) -> None:
    reference = applied(app)[0].replace("-", "")
    parties.add_party(
        registry.store, registry.clock, party="shop", kind="telemarketer", name_zh="商店", name_en="Shop"
    )
    for party, role, status in (("regulator", "auditor", 403), ("regulator", "operator", 403), ("shop", "owner", 403)):
        visitor = Visitor(app, member(registry, party, role))
        for path in ("", f"/{reference}"):
            visitor.get(f"/officer/applications{path}", status=status)
    assert Visitor(app).client.get("/officer/applications").status_code == 303
    for strange in ("bcdfghjkmnpq", "x", "..%2f", "'"):
        officer.get(f"/officer/applications/{strange}", status=404)


# members and principals


@pytest.fixture
def owner(app: Flask, registry: Registry) -> Visitor:
    for party in ("swift", "other"):
        parties.add_party(
            registry.store, registry.clock, party=party, kind="telemarketer", name_zh="快拨", name_en=party.title()
        )
    return Visitor(app, member(registry, "swift", "owner"))


def test_an_owner_invites_scrubbers_and_readers_and_takes_their_access_away(
    app: Flask, registry: Registry, owner: Visitor
) -> None:
    page = owner.get("/party/members")
    assert re.findall(r'<option value="(\w+)"', page) == ["reader", "scrubber", "owner"]
    page = owner.post("/party/members", name="Li", email="li@swift.cn", role="scrubber")
    link = re.findall(r"/sign-in/first/[\w-]+", page)[0]
    scrubber = Visitor(app)
    scrubber.get(link)
    scrubber.post(link, password="correct horse 电池", again="correct horse 电池")
    assert scrubber.client.get("/party/company").status_code == 200  # scrubbers need no second factor
    assert scrubber.client.get("/party/members").status_code == 403
    assert "Add a company" not in scrubber.get("/party/company")
    li = next(each for each in registry.store.parties.members("swift") if each.role == "scrubber")
    owner.get(f"/party/members/{li.member}/suspend")
    owner.post(f"/party/members/{li.member}/suspend")
    assert scrubber.client.get("/party/company").status_code == 303
    owner.get(f"/party/members/{li.member}/invite")
    assert "/sign-in/first/" in owner.post(f"/party/members/{li.member}/invite")


def test_an_owner_touches_no_member_of_another_party_and_not_the_own_access(
    app: Flask, registry: Registry, owner: Visitor
) -> None:
    theirs = parties.add_member(
        registry.store, registry.clock, party="other", email="li@other.cn", name="Li", role="reader"
    ).member
    owner.get("/party/members")
    for path in ("suspend", "invite"):
        owner.get(f"/party/members/{theirs}/{path}", status=404)
        owner.post(f"/party/members/{theirs}/{path}", status=404)
    (mine,) = registry.store.parties.members("swift")
    owner.get(f"/party/members/{mine.member}/suspend")
    assert "own access" in owner.post(f"/party/members/{mine.member}/suspend", status=422)
    owner.get("/party/members")
    for role in ("officer", "clerk", ""):
        owner.post("/party/members", name="Li", email="li@swift.cn", role=role, status=422)
    weak = access.open_session(
        registry.store, registry.clock, kind="member", member=mine.member, minutes=60, strong=False
    )
    assert Visitor(app, weak).client.get("/party/members").headers["Location"].startswith("/sign-in/second")


def test_an_owner_cannot_ask_for_long_who_else_signs_in_here(registry: Registry, owner: Visitor) -> None:
    owner.get("/party/members")
    said = [
        owner.client.post(
            "/party/members", data={"csrf_token": owner.token, "name": "x", "email": "owner@swift.cn", "role": "reader"}
        ).status_code
        for _try in range(25)
    ]
    assert set(said) == {422, 429}


def test_an_owner_says_on_whose_behalf_and_until_when(registry: Registry, owner: Visitor) -> None:
    owner.get("/party/company")
    page = owner.post("/party/company", name="某银行股份有限公司", country="CN", registration="9144030071526726XG",
                      until="2026-12-31")
    assert "某银行股份有限公司" in page
    (found,) = organisations.principals_of(registry.store, "swift")
    assert found.until is not None
    assert found.until.isoformat() == "2026-12-31T16:00:00+00:00"  # midnight in China after the last day
    page = owner.post("/party/company", name="某银行", country="CN", registration="9144030071526726XG", status=422)
    assert "for that time already" in page
    page = owner.post("/party/company", name="某保险", country="CN", registration="91330000717612522B",
                      since="2026-12-02", until="2026-12-01", status=422)
    assert "The end comes after the beginning." in page
    owner.get("/party/company")
    owner.post(f"/party/company/principals/{found.principal}/end")
    assert "Ended" in owner.page
    owner.post("/party/company/principals/p_0000000000000000/end", status=404)


def test_an_officer_says_which_company_an_account_is_and_puts_it_right(
    registry: Registry, owner: Visitor, officer: Visitor
) -> None:
    assert "Nobody has said yet" in officer.get("/officer/parties/swift")
    said = {"country": "CN", "registration": "914403001922038216", "sectors": ["loan"], "itself": "y",
            "contact_name": "Li", "email": "li@swift.cn", "phone": "010-88886666"}  # fmt: skip
    officer.get("/officer/parties/swift/company")
    assert "914403001922038216" in officer.post("/officer/parties/swift/company", **said)
    page = officer.get("/officer/parties/swift/company")
    assert 'value="li@swift.cn"' in page
    assert re.search(r'<input checked id="sectors-0"', page)
    officer.post("/officer/parties/swift/company", **{**said, "sectors": ["game"], "itself": ""})
    found = organisations.organisation_of(registry.store, "swift")
    assert found is not None
    assert ([each.slug for each in found.categories], found.itself) == (["game"], False)
    assert "914403001922038216" in owner.get("/party/company")
    officer.get("/officer/parties/other/company")
    assert "has an account already" in officer.post("/officer/parties/other/company", status=422, **said)
    page = officer.post("/officer/parties/other/company", status=422, **{**said, "sectors": [], "phone": "x"})
    assert page.count('class="wrong-text"') == 2


def test_an_officer_gives_another_tier_out_of_those_that_there_are(
    registry: Registry, owner: Visitor, officer: Visitor
) -> None:
    page = officer.get("/officer/parties/swift/tier")
    assert "50,000" in page
    officer.post("/officer/parties/swift/tier", tier="large")
    assert parties.get_party(registry.store, "swift").tier == "large"
    officer.get("/officer/parties/swift/tier")
    officer.post("/officer/parties/swift/tier", tier="endless", status=422)
    assert applications.STATES[0] == "waiting"
