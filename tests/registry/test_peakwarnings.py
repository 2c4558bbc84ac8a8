"""Warnings before peaks: whom, when, once; who could not be told; who confirmed (rule 82)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest

from registry import audit, enterprises, parties, peakwarnings, webhooks
from registry.access import Actor
from registry.errors import ConflictError, NotFoundError
from registry.keys import KeyRing
from registry.parties import Member
from registry.peaks import load_peaks
from registry.peakwarnings import is_commercial, warn_due, warn_now
from registry.resources import Resource
from registry.settings import WebhookSettings
from registry.store import Store
from registry.times import to_micros
from tests.doubles import FakeClock
from tests.registry.counting import ZONE, year_of

JUNE, NOVEMBER = load_peaks()
OFFICER = Actor("member", role="officer", member=Member("o1", "regulator", "", "O", "officer", "active", True))


class Market:
    """Enterprises with and without accounts, of whom last year is known."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        clock.moment = datetime(2026, 10, 7, 2, tzinfo=UTC)  # the first day of warnings
        self.ids = {name: self.company(name) for name in ("loud", "calm", "seller", "quiet", "gone")}
        self.ids["nobody"] = enterprises.enrol(store, clock, name="nobody 公司").enterprise
        year_of(store, NOVEMBER, 2025, base=50, window=90, **{
            self.ids["loud"]: (2, 8), self.ids["calm"]: (5, 5), self.ids["gone"]: (1, 9), self.ids["nobody"]: (0, 4),
        })  # fmt: skip
        with store.writing():
            store.enterprises.put_resources([self.resource("seller", "marketing"), self.resource("quiet", "notices")])
        for name in ("loud", "calm", "seller", "quiet", "gone"):
            self.listen(name)
        parties.set_party_state(store, clock, party="gone", state="suspended")

    def company(self, name: str) -> str:
        parties.add_party(self.store, self.clock, party=name, kind="telemarketer", name_zh=name, name_en=name)
        return enterprises.enrol(self.store, self.clock, name=f"{name} 公司", party=name).enterprise

    def resource(self, name: str, purpose: str) -> Resource:
        now = self.clock.now()
        return Resource(f"r_{name}", "port", f"1069{len(name)}77", None, "cmcc", self.ids[name], "", purpose, "", "",
                        now, None, "l", now)  # fmt: skip

    def listen(self, name: str) -> None:
        webhooks.add_endpoint(
            self.store, KeyRing(masters={1: bytes(32)}), self.clock, WebhookSettings(), party=name,
            url="https://x.example/hook", events=["peak.coming"],
        )

    def warn(self) -> int:
        return warn_due(self.store, self.clock, load_peaks(), zone=ZONE)

    def states(self, year: int = 2026) -> dict[str, tuple[str, str]]:
        names = {enterprise: name for name, enterprise in self.ids.items()}
        return {names[each.enterprise]: (each.state, each.why) for each in self.store.peaks.of("november-11", year)}

    def events(self) -> int:
        row = self.store.engine.row("SELECT COUNT(*) AS n FROM webhook_delivery")
        return int(row["n"]) if row else 0


@pytest.fixture
def market(store: Store, clock: FakeClock) -> Market:
    return Market(store, clock)


def owner(party: str, store: Store) -> Actor:
    return Actor("member", role="owner", strong=True, party=store.parties.party(party),
                 member=Member(f"m_{party}", party, "", "M", "owner", "active", True))  # fmt: skip


def test_who_had_a_surge_or_sells_is_warned_and_who_could_not_be_is_known(market: Market) -> None:
    assert market.warn() == 2
    assert market.states() == {
        "loud": ("told", "surge"), "seller": ("told", "resources"), "gone": ("suspended", "surge"),
        "nobody": ("no_account", "surge"),
    }  # fmt: skip
    assert market.events() == 2
    (entry,) = [each for each in audit.entries(market.store) if each.action == "peak_warned"]
    assert entry.facts == {"year": 2026, "no_account": 1, "suspended": 1, "told": 2}


def test_a_warning_is_given_once_whatever_runs_again(market: Market) -> None:
    market.warn()
    for days in (0, 1, 5):
        market.clock.advance(days=days)
        assert market.warn() == 0
    assert market.events() == 2
    assert market.states()["loud"] == ("told", "surge")


def test_two_clockworks_at_once_warn_once(market: Market) -> None:
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(lambda _each: market.warn(), range(2)))
        pool.submit(lambda: None).result()
    assert sum(told) == 2
    assert market.events() == 2


class Dying(FakeClock):
    """A clock whose program ends when it has been asked so many times."""

    left = 0

    def now(self) -> datetime:
        self.left -= 1
        if self.left < 0:
            raise SystemExit
        return super().now()


def test_a_clockwork_that_dies_amid_warnings_leaves_none_and_the_next_gives_each_once(market: Market) -> None:
    clock, died = Dying(market.clock.now()), 0
    for left in range(40):
        clock.left = left
        try:
            warn_due(market.store, clock, load_peaks(), zone=ZONE)
        except SystemExit:
            died += 1
            assert (market.states(), market.events()) == ({}, 0)
        else:
            break
    assert died > 5
    assert market.warn() == 0
    assert market.events() == 2


def test_warnings_begin_on_their_day_and_end_when_the_window_opens(market: Market) -> None:
    market.clock.moment = datetime(2026, 10, 6, 15, 59, tzinfo=UTC)  # the minute before in Shanghai
    assert market.warn() == 0
    market.clock.moment = datetime(2026, 10, 20, 16, 0, tzinfo=UTC)  # the window opened
    assert market.warn() == 0
    market.clock.moment = datetime(2026, 10, 20, 15, 59, tzinfo=UTC)
    assert market.warn() == 2


def test_a_clock_that_is_a_day_wrong_warns_a_day_off_and_never_twice(market: Market) -> None:
    market.clock.moment = datetime(2026, 10, 7, 12, tzinfo=UTC)
    assert market.warn() == 2
    market.clock.advance(days=-1)
    assert market.warn() == 0
    market.clock.advance(days=1)
    assert market.warn() == 0
    assert market.events() == 2


def test_who_gets_an_account_or_comes_back_in_time_is_warned_then(market: Market) -> None:
    market.warn()
    parties.set_party_state(market.store, market.clock, party="gone", state="active")
    parties.add_party(market.store, market.clock, party="nob", kind="telemarketer", name_zh="n", name_en="n")
    enterprises.enrol(market.store, market.clock, name="nobody 公司", party="nob")
    assert market.warn() == 2
    assert {state for state, _why in market.states().values()} == {"told"}
    assert market.events() == 3  # nob listens to nothing
    assert market.warn() == 0


def test_an_officer_warns_earlier_but_not_long_before_and_the_clockwork_does_not_again(market: Market) -> None:
    market.clock.moment = datetime(2026, 8, 21, 2, tzinfo=UTC)
    with pytest.raises(ConflictError) as error:
        warn_now(market.store, market.clock, NOVEMBER, actor=OFFICER, zone=ZONE)
    assert error.value.code == "no_peak_near"
    market.clock.moment = datetime(2026, 9, 1, 2, tzinfo=UTC)
    with market.store.writing():
        market.store.engine.run("UPDATE resource SET since = :at", at=to_micros(market.clock.now()))
    assert warn_now(market.store, market.clock, NOVEMBER, actor=OFFICER, zone=ZONE)["told"] == 2
    market.clock.moment = datetime(2026, 10, 8, 2, tzinfo=UTC)
    assert market.warn() == 0
    assert market.events() == 2
    assert audit.entries(market.store)[0].actor == "member:o1"


def test_a_party_confirms_once_and_only_its_own_warning(market: Market) -> None:
    market.warn()
    store, clock, mine = market.store, market.clock, owner("loud", market.store)
    today = date(2026, 10, 8)
    open_ = peakwarnings.open_of(store, load_peaks(), party="loud", today=today)
    assert [each.why for _peak, each in open_] == ["surge"]
    assert peakwarnings.confirm(store, clock, actor=mine, peak="november-11", year=2026)
    assert not peakwarnings.confirm(store, clock, actor=mine, peak="november-11", year=2026)
    assert peakwarnings.open_of(store, load_peaks(), party="loud", today=today) == ()
    (made,) = store.peaks.of_party("loud")
    assert made.confirmed_by == "member:m_loud"
    assert audit.entries(store)[0].action == "peak_confirmed"
    for party, year in (("quiet", 2026), ("loud", 2025), ("gone", 2026)):
        with pytest.raises(NotFoundError):
            peakwarnings.confirm(store, clock, actor=owner(party, store), peak="november-11", year=year)
    with pytest.raises(NotFoundError):
        peakwarnings.confirm(store, clock, actor=OFFICER, peak="november-11", year=2026)
    assert peakwarnings.open_of(store, load_peaks(), party="seller", today=date(2026, 11, 14)) == ()


def test_commercial_is_what_a_ledger_says_or_a_port_is_for() -> None:
    assert is_commercial("Marketing and offers", "1069")
    assert is_commercial("会员营销", "")
    assert is_commercial("", "1066")
    assert not is_commercial("notices", "1069")
