"""Telemarketers apply, learn how it stands, and get their account: whole, once, and without telling on others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from registry import applications, audit, companynames, credentials, organisations, parties
from registry.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RegistryError,
    TooManyError,
    UnavailableError,
)
from registry.keys import KeyRing
from registry.numbering import NumberPlan
from registry.settings import ApplicationSettings
from registry.store import Store
from registry.uscc import company_number
from tests.doubles import FakeClock
from tests.registry.joining import ALIBABA, HUAWEI, SETTINGS, TENCENT, Applicant, principal, wish


@pytest.fixture
def applicant(store: Store, keys: KeyRing, clock: FakeClock) -> Applicant:
    return Applicant(store, keys, clock)


def test_whoever_applies_learns_how_it_stands_by_reference_and_secret(
    applicant: Applicant, plan: NumberPlan
) -> None:
    reference, secret = applicant.apply(wish(plan, name_en=""))
    found = applicant.look(applications.in_groups(reference).upper(), f" {applications.in_groups(secret)} ")
    assert (found.state, found.name_zh, found.name_en) == ("waiting", "深圳快拨科技有限公司", "深圳快拨科技有限公司")
    assert found.company == HUAWEI
    assert [each.slug for each in organisations.categories_of(found.sectors)] == ["loan", "insurance"]
    contact = organisations.unseal_contact(applicant.keys, found.contact)
    assert (contact.name, contact.email, contact.phone) == ("王芳", "wang@swift.example", "+8613800138000")
    assert audit.verify(applicant.store) == (1, None)


def test_a_wrong_secret_and_an_unknown_reference_get_one_answer_and_are_counted(
    applicant: Applicant, plan: NumberPlan
) -> None:
    reference, secret = applicant.apply(wish(plan))
    _other, others = applicant.apply(wish(plan, company=TENCENT))
    said = set()
    strange = (("", ""), ("%", "%"), ("é" * 99, "\0"))
    for wrong in ((reference, "x"), (reference, others), ("bcdfghjkmnpq", secret), *strange):
        with pytest.raises(NotFoundError) as refused:
            applicant.look(*wrong)
        said.add((refused.value.code, refused.value.detail))
    assert len(said) == 1
    for _guess in range(8):
        with pytest.raises(NotFoundError):
            applicant.look(reference, "wrong")
    with pytest.raises(TooManyError):
        applicant.look(reference, secret)
    applicant.clock.advance(hours=1)
    for _look in range(20):  # right ones cost nothing
        assert applicant.look(reference, secret).reference == reference


def test_a_form_that_is_sent_twice_is_one_application(applicant: Applicant, plan: NumberPlan) -> None:
    first = applicant.apply(wish(plan), form="a form")
    assert applicant.apply(wish(plan), form="a form") == first
    changed = applicant.apply(wish(plan, sectors=["game"]), form="a form")
    other = applicant.apply(wish(plan), form="another form")
    assert len({first, changed, other}) == 3
    assert len({secret for _reference, secret in (first, changed, other)}) == 3
    assert applicant.store.applications.waiting() == 3


def test_an_applicant_is_not_told_whether_the_company_is_known(applicant: Applicant, plan: NumberPlan) -> None:
    reference, _secret = applicant.apply(wish(plan))
    applicant.approve(reference)
    again, secret = applicant.apply(wish(plan, name_zh="另一个名字公司"))
    found = applicant.look(again, secret)
    assert (found.state, found.note, found.party) == ("waiting", "", "")
    background = applications.background_of(applicant.store, found)
    assert background.account is not None
    assert background.account.party == "swift"
    assert [each.reference for each in background.others] == [reference]
    with pytest.raises(ConflictError) as refused:
        applicant.approve(again, "swift-two")
    assert refused.value.code == "company_known"
    assert applicant.store.parties.party("swift-two") is None


def test_names_that_look_alike_are_shown_to_the_officer(applicant: Applicant, plan: NumberPlan) -> None:
    applicant.approve(applicant.apply(wish(plan))[0])
    for zh, en, alike in (
        ("另一家公司", "SW1FT D1AL Technology Inc", True), ("深圳快拨科技股份有限公司", "", True),
        ("另一家公司", "Świft Diål Technology", True), ("另一家公司", "Slow Dial", False),
    ):  # fmt: skip
        reference, _secret = applicant.apply(wish(plan, company=TENCENT, name_zh=zh, name_en=en), address=zh + en)
        found = applications.application_of(applicant.store, reference)
        assert [each.party for each in applications.background_of(applicant.store, found).alike] == ["swift"] * alike


@pytest.mark.parametrize(
    "name", ["", " ", "a", "12345", "Ѕwift", "深圳\u202e科技", "Swift\u200bDial", "<script>", "A\0B", "x" * 121,
             "Αlpha", "ɑlpha", "公司\ud800", "📞电话", "ㄅㄆ公司", "=cmd|' /C calc'!A0", "ꓢwift", "カタカナ"]
)  # fmt: skip
def test_a_name_with_letters_that_look_like_others_or_hide_something_is_refused(plan: NumberPlan, name: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        wish(plan, name_zh=name)
    assert refused.value.code == "bad_name"
    if name.strip():
        with pytest.raises(InvalidInputError) as refused:
            wish(plan, name_en=name)
        assert refused.value.code == "bad_name_en"


@pytest.mark.parametrize(("name", "form"), [
    ("　深圳市　快拨（集团）有限公司 ", "深圳市 快拨(集团)有限公司"), ("Müller & Söhne GmbH", "Müller & Söhne GmbH"),
    ("O'Neil Co., Ltd.", "O'Neil Co., Ltd."), ("ＡＢＣ科技", "ABC科技"), ("二〇二六传媒", "二〇二六传媒"),
])  # fmt: skip
def test_usual_names_are_kept_in_one_form(name: str, form: str) -> None:
    assert companynames.company_name(name) == form


@pytest.mark.parametrize(("other", "code"), [
    ({"sectors": []}, "bad_sectors"), ({"sectors": ["loan", "lottery"]}, "bad_sectors"),
    ({"itself": False}, "acts_for_nobody"), ({"principals": [("x", TENCENT)]}, "bad_principal"),
    ({"principals": [("本公司名字", HUAWEI)]}, "own_company"),
    ({"principals": [("某某公司", company_number(f"{i}1", "US")) for i in range(10, 61)]}, "too_many_principals"),
])  # fmt: skip
def test_what_makes_no_application_is_refused(plan: NumberPlan, other: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        wish(plan, **other)
    assert refused.value.code == code


@pytest.mark.parametrize(("field", "value", "code"), [
    ("name", "", "bad_contact_name"), ("name", "a\u202eb", "bad_contact_name"), ("email", "x", "bad_email"),
    ("email", "a@b\u200b.cn", "bad_email"), ("phone", "", "empty"), ("phone", "12", "too_short"),
    ("phone", "call me", "letters"),
])  # fmt: skip
def test_somebody_who_cannot_be_asked_is_refused(plan: NumberPlan, field: str, value: str, code: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        organisations.contact_of(plan, **{"name": "王", "email": "a@b.cn", "phone": "010-88886666", field: value})
    assert refused.value.code == code


# limits


def test_one_address_applies_a_few_times_a_day_and_all_together_not_too_often(
    store: Store, keys: KeyRing, clock: FakeClock, plan: NumberPlan
) -> None:
    applicant = Applicant(store, keys, clock, ApplicationSettings(per_address_day=2, in_all_hour=3, most_waiting=4))
    for place in range(2):
        applicant.apply(wish(plan), address=f"2001:db8::{place}")  # one subscriber has a whole /64
    with pytest.raises(TooManyError) as refused:
        applicant.apply(wish(plan), address="2001:db8::77")
    assert refused.value.facts["limit"] == "apply-address"
    applicant.apply(wish(plan), address="192.0.2.9")
    with pytest.raises(TooManyError) as refused:
        applicant.apply(wish(plan), address="192.0.2.10")
    assert refused.value.facts["limit"] == "apply-all"
    clock.advance(hours=1)
    reference, _secret = applicant.apply(wish(plan), address="192.0.2.10")
    with pytest.raises(UnavailableError) as full:
        applicant.apply(wish(plan), address="192.0.2.11")
    assert full.value.code == "applications_full"
    applications.refuse(store, clock, reference=reference, note="Not a company.", actor="member:officer")
    applicant.apply(wish(plan), address="192.0.2.11")


def test_the_database_holds_no_contact_and_no_secret_in_clear(applicant: Applicant, plan: NumberPlan) -> None:
    reference, secret = applicant.apply(wish(plan))
    applicant.approve(reference, email="owner@other.example")
    for table in ("application", "organisation", "audit"):
        for row in applicant.store.engine.rows(f"SELECT * FROM {table}"):
            said = b" ".join(v if isinstance(v, bytes) else str(v).encode() for v in row.values())
            assert not [word for word in ("13800138000", "wang@swift", "王芳", secret) if word.encode() in said], table


# officers


def test_an_approval_makes_the_account_its_company_its_principals_and_its_owner(
    applicant: Applicant, plan: NumberPlan
) -> None:
    others = [principal(), principal(ALIBABA, "某保险公司")]
    reference, secret = applicant.apply(wish(plan, itself=False, principals=others))
    token = applicant.approve(reference, tier="large")
    store = applicant.store
    party = parties.get_party(store, "swift")
    assert (party.kind, party.tier, party.name_en, party.licensed) == (
        "telemarketer", "large", "Swift Dial Technology Co., Ltd.", True
    )  # fmt: skip
    company = organisations.organisation_of(store, "swift")
    assert company is not None
    assert (company.company, company.itself) == (HUAWEI, False)
    assert [each.company for each in organisations.principals_of(store, "swift")] == [ALIBABA, TENCENT]
    (owner,) = store.parties.members("swift")
    assert (owner.role, owner.email, owner.state) == ("owner", "wang@swift.example", "invited")
    assert credentials.invited(store, applicant.clock, token) == owner
    found = applicant.look(reference, secret)
    assert (found.state, found.party, found.decided_by) == ("approved", "swift", "member:officer")
    actions = [entry.action for entry in audit.entries(store)]
    assert {"application_made", "party_added", "member_added", "member_invited", "application_approved"} == set(actions)
    assert audit.verify(store)[1] is None


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({"party": "regulator"}, "party_exists"), ({"party": "A B"}, "bad_party"), ({"tier": "No"}, "bad_tier"),
     ({"email": "taken@shop.example"}, "email_taken"), ({"email": "x"}, "bad_member")],
)  # fmt: skip
def test_an_approval_that_cannot_be_whole_changes_nothing(
    applicant: Applicant, plan: NumberPlan, wrong: dict[str, str], code: str
) -> None:
    store, clock = applicant.store, applicant.clock
    parties.add_party(store, clock, party="regulator", kind="regulator", name_zh="局", name_en="Office")
    parties.add_member(store, clock, party="regulator", email="taken@shop.example", name="Li", role="officer")
    reference, _secret = applicant.apply(wish(plan, principals=[principal()]))
    before = audit.verify(store)
    with pytest.raises(RegistryError) as refused:
        applicant.approve(reference, **{"party": "swift", **wrong})
    assert refused.value.code == code
    assert applications.application_of(store, reference).state == "waiting"
    assert store.parties.party("swift") is None
    assert organisations.principals_of(store, "swift") == ()
    assert audit.verify(store) == before


def test_two_officers_decide_once(applicant: Applicant, plan: NumberPlan) -> None:
    reference, secret = applicant.apply(wish(plan))

    def decide(place: int) -> str:
        try:
            if place % 2:
                applications.refuse(applicant.store, applicant.clock, reference=reference, note="No.", actor="member:b")
                return "refused"
            applicant.approve(reference, f"swift-{place}")
        except ConflictError as error:
            return error.code
        return "approved"

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(decide, range(6)))
    applicant.store.close()
    assert said.count("decided_already") == 5
    assert applicant.look(reference, secret).state in said
    assert len(applicant.store.parties.all()) == said.count("approved")


def test_a_refusal_needs_its_reason_which_the_applicant_reads_without_numbers(
    applicant: Applicant, plan: NumberPlan
) -> None:
    reference, secret = applicant.apply(wish(plan))
    with pytest.raises(InvalidInputError):
        applications.refuse(applicant.store, applicant.clock, reference=reference, note="  ", actor="member:officer")
    applications.refuse(
        applicant.store, applicant.clock, reference=reference, note="We could not reach 13800138000.", actor="member:o"
    )
    found = applicant.look(reference, secret)
    assert (found.state, found.note) == ("refused", "We could not reach [number].")
    with pytest.raises(ConflictError) as refused:
        applicant.approve(reference)
    assert refused.value.code == "decided_already"
    with pytest.raises(NotFoundError):
        applicant.approve("bcdfghjkmnpq")


def test_applications_are_erased_some_time_after_the_decision_and_undecided_ones_later(
    applicant: Applicant, plan: NumberPlan
) -> None:
    store, clock = applicant.store, applicant.clock
    approved, secret = applicant.apply(wish(plan))
    waiting, _other = applicant.apply(wish(plan, company=TENCENT))
    applicant.approve(approved)
    clock.advance(days=SETTINGS.kept_days)
    assert applications.purge(store, clock, SETTINGS) == 0
    clock.advance(1)
    assert applications.purge(store, clock, SETTINGS) == 1
    with pytest.raises(NotFoundError):
        applicant.look(approved, secret)
    assert organisations.organisation_of(store, "swift") is not None
    assert applications.application_of(store, waiting).state == "waiting"
    clock.advance(days=SETTINGS.waiting_days)
    assert applications.purge(store, clock, SETTINGS) == 1
    assert store.applications.all() == ()
    assert audit.verify(store)[1] is None


def test_the_queue_shows_who_waits_longest_first_and_what_was_decided_last_after_them(
    applicant: Applicant, plan: NumberPlan
) -> None:
    made = []
    for place in range(4):
        made.append(applicant.apply(wish(plan, company=company_number(f"{place}00", "US")))[0])
        applicant.clock.advance(60)
    for reference in made[:2]:
        applications.refuse(applicant.store, applicant.clock, reference=reference, note="No.", actor="member:o")
        applicant.clock.advance(60)
    rows = applicant.store.applications.all()
    assert [row.reference for row in rows] == [made[2], made[3], made[1], made[0]]
    assert [row.reference for row in applicant.store.applications.all(state="refused")] == [made[1], made[0]]
    assert [row.reference for row in applicant.store.applications.all(after=1, limit=2)] == [made[3], made[1]]


def test_a_short_name_is_proposed_for_the_account(applicant: Applicant, plan: NumberPlan) -> None:
    found = applications.application_of(applicant.store, applicant.apply(wish(plan))[0])
    assert applications.proposed_id(found) == "swift-dial-technology"
    assert applications.proposed_id(replace(found, name_en=found.name_zh)) == "tm-22038216"
    assert applications.proposed_id(replace(found, name_en="58 Ltd")) == "tm-22038216"
