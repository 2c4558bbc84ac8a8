"""The company behind an account, and on whose behalf it asks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry import audit, organisations, parties
from registry.access import Actor
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.keys import KeyRing
from registry.numbering import NumberPlan
from registry.preferences import Category, Channel
from registry.scrubjobs import Ask, begin
from registry.settings import ScrubSettings
from registry.store import Store
from registry.uscc import CompanyNumber
from tests.doubles import FakeClock
from tests.registry.joining import ALIBABA, HUAWEI, TENCENT


@pytest.fixture
def swift(store: Store, clock: FakeClock) -> parties.Party:
    return parties.add_party(store, clock, party="swift", kind="telemarketer", name_zh="快拨", name_en="Swift")


def describe(
    store: Store, keys: KeyRing, clock: FakeClock, plan: NumberPlan, *, party: str = "swift",
    company: CompanyNumber = HUAWEI, itself: bool = True,
) -> organisations.Organisation:  # fmt: skip
    contact = organisations.contact_of(plan, name="Li", email="li@swift.example", phone="13800138000")
    return organisations.describe(
        store, keys, clock, party=party, company=company, sectors=3, itself=itself, contact=contact
    )


def test_a_company_has_one_account_and_may_be_described_anew(
    store: Store, keys: KeyRing, clock: FakeClock, plan: NumberPlan, swift: parties.Party
) -> None:
    assert organisations.organisation_of(store, "swift") is None
    first = describe(store, keys, clock, plan)
    clock.advance(60)
    describe(store, keys, clock, plan, company=TENCENT, itself=False)
    found = organisations.organisation_of(store, swift.party)
    assert found is not None
    assert (found.company, found.itself, found.since) == (TENCENT, False, first.since)
    assert [each.slug for each in found.categories] == ["loan", "collection"]
    parties.add_party(store, clock, party="other", kind="telemarketer", name_zh="另", name_en="Other")
    parties.add_party(store, clock, party="cmcc", kind="carrier", name_zh="移动", name_en="Mobile")
    with pytest.raises(ConflictError):
        describe(store, keys, clock, plan, party="other", company=TENCENT)
    with pytest.raises(InvalidInputError):
        describe(store, keys, clock, plan, party="cmcc", company=ALIBABA)
    with pytest.raises(NotFoundError):
        describe(store, keys, clock, plan, party="nobody", company=ALIBABA)


def test_a_principal_is_acted_for_from_a_day_on_until_another(
    store: Store, clock: FakeClock, swift: parties.Party
) -> None:
    start = clock.now() + timedelta(days=1)
    added = organisations.add_principal(
        store, clock, party="swift", name="某银行", company=TENCENT, since=start, until=start + timedelta(days=30)
    )
    assert organisations.principals_of(store, swift.party) == (added,)
    for days, acts in ((0, False), (1, True), (30, True), (31, False)):
        at = clock.now() + timedelta(days=days)
        assert added.acts_at(at) is acts
        assert organisations.principals_of(store, "swift", at=at) == ((added,) if acts else ())
    with pytest.raises(ConflictError):
        organisations.add_principal(store, clock, party="swift", name="同一家", company=TENCENT, since=start)
    after = organisations.add_principal(
        store, clock, party="swift", name="同一家", company=TENCENT, since=start + timedelta(days=30)
    )
    assert after.principal != added.principal
    with pytest.raises(InvalidInputError) as refused:
        organisations.add_principal(store, clock, party="swift", name="某某", company=ALIBABA, since=start, until=start)
    assert refused.value.code == "bad_period"


def test_whom_one_acts_for_is_checked_when_a_scrub_names_it(
    store: Store, keys: KeyRing, clock: FakeClock, plan: NumberPlan, swift: parties.Party
) -> None:
    other = parties.add_party(store, clock, party="other", kind="telemarketer", name_zh="另", name_en="Other")
    mine = organisations.add_principal(store, clock, party="swift", name="某银行", company=TENCENT)
    theirs = organisations.add_principal(store, clock, party="other", name="某银行", company=TENCENT)
    settings = ScrubSettings()

    def ask(party: parties.Party, on_behalf: str) -> str:
        actor = Actor("key", party=party, key="k", scopes=frozenset({"scrub"}))
        asked = Ask(Channel.CALLS, Category.LOAN, on_behalf=on_behalf)
        return begin(store, clock, settings, actor=actor, ask=asked, name="list.csv", origin="api").ask.on_behalf

    assert ask(swift, mine.principal) == mine.principal
    assert ask(other, theirs.principal) == theirs.principal
    assert ask(swift, "") == ""
    for wrong in (theirs.principal, "other", "p_0000000000000000", "p_", "某银行", "' OR 1=1"):
        with pytest.raises(InvalidInputError) as refused:
            ask(swift, wrong)
        assert refused.value.code == "bad_on_behalf"
    clock.advance(60)
    organisations.end_principal(store, clock, party="swift", principal=mine.principal)
    with pytest.raises(InvalidInputError):
        ask(swift, mine.principal)
    describe(store, keys, clock, plan, itself=False)
    with pytest.raises(InvalidInputError):
        ask(swift, "")


def test_an_end_stands_and_is_nobody_elses_to_say(store: Store, clock: FakeClock, swift: parties.Party) -> None:
    added = organisations.add_principal(store, clock, party=swift.party, name="某银行", company=TENCENT)
    with pytest.raises(NotFoundError):
        organisations.end_principal(store, clock, party="other", principal=added.principal)
    end = clock.now() + timedelta(days=5)
    assert organisations.end_principal(store, clock, party="swift", principal=added.principal, at=end).until == end
    clock.advance(days=5)
    with pytest.raises(ConflictError):
        organisations.end_principal(store, clock, party="swift", principal=added.principal)
    assert organisations.principals_of(store, "swift")[0].until == end
    again = organisations.add_principal(store, clock, party="swift", name="某银行", company=TENCENT)
    assert again.until is None
    assert audit.verify(store)[1] is None
