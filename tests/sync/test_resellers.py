"""Resellers follow through their host, by themselves, or both; blocks move registered numbers, as followers see it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from registry import parties, resellers, serving
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.followers import delivery_of
from registry.numbering import NumberPlan
from registry.preferences import NOTHING, Preference
from sync.moves import moves
from sync.publish import publish_once
from tests.sync.town import Carrier, Town, contents, index_of, true_exceptions, truth

LOANS = Preference(1, 1, 1, 0)
BLOCK = 8616500000000  # a range of resellers in cmcc's network
PLACES = 12  # the first six in the block 165000, the others in 165001


@pytest.fixture
def hosted(any_town: Town) -> Town:
    """A town whose cmcc hosts the reseller snail, with numbers in the ranges of resellers."""
    town = any_town
    town.digits = [BLOCK + place if place < 6 else BLOCK + 100_000 + place for place in range(PLACES)]
    parties.add_party(town.store, town.clock, party="snail", kind="carrier", name_zh="蜗牛", name_en="Snail")
    return town


def follows(town: Town, how: str, host: str = "cmcc") -> None:
    resellers.set_reseller(town.store, town.clock, party="snail", host=host, follows=how)


def give(town: Town, *prefixes: str) -> list[str]:
    done = resellers.add_blocks(
        town.store, town.clock, town.plan, reseller="snail", prefixes=list(enumerate(prefixes, 1))
    )
    return [line.reason for line in done]


def work(town: Town) -> dict[str, int]:
    done = moves(town, lambda: None)
    publish_once(town)
    return done


def lists(town: Town, tmp_path: Path, *recipients: str) -> dict[str, set[int]]:
    """Which places stand on the lists that carriers come to, each of which is what the tables say."""
    found = {}
    for party in recipients:
        mirror = Carrier(town, party, tmp_path / party).follow()
        assert contents(town, mirror, party, PLACES) == truth(town, party, PLACES)
        assert {tuple(row) for row in mirror.exceptions().tolist()} == true_exceptions(town, party, PLACES)
        found[party] = set(contents(town, mirror, party, PLACES))
    return found


MINE, REST = set(range(6)), set(range(6, PLACES))


@pytest.mark.parametrize("how", ["self", "host", "both"])
def test_a_resellers_numbers_are_where_it_follows(hosted: Town, tmp_path: Path, how: str) -> None:
    town = hosted
    follows(town, how)
    assert give(town, "165000") == [""]
    town.load(PLACES)
    town.allow(2)
    work(town)
    assert lists(town, tmp_path, "cmcc") == {"cmcc": REST if how == "self" else MINE | REST}
    feeds = {recipient.party for recipient in town.store.feeds.recipients()}
    assert ("snail" in feeds) == (how != "host")
    if how != "host":
        assert lists(town, tmp_path, "snail") == {"snail": MINE}
    told = {"self": 2, "host": 2, "both": 3}[how]  # with the national feed
    assert delivery_of(town.store, number=town.number(0)).carriers == told
    town.clock.advance(60)
    town.decline(0, NOTHING)
    town.decline(1, LOANS)
    publish_once(town)
    lists(town, tmp_path, *({"cmcc", "snail"} & {recipient.party for recipient in town.store.feeds.recipients()}))


def test_a_reseller_that_switches_its_way_gets_a_full_list_anew_and_so_does_its_host(
    hosted: Town, tmp_path: Path
) -> None:
    town = hosted
    follows(town, "self")
    give(town, "165000")
    town.load(PLACES)
    work(town)
    for how, mine in (("host", MINE | REST), ("self", REST), ("both", MINE | REST)):
        town.clock.advance(60)
        follows(town, how)
        town.decline(0, LOANS if how == "self" else Preference(7, 0, 0, 0))
        work(town)
        assert index_of(town, "cmcc").files[-1].kind == "full"
        assert index_of(town, "cmcc").resellers == (() if how == "self" else ("snail",))
        assert lists(town, tmp_path, "cmcc") == {"cmcc": mine}
        if how != "host":
            assert lists(town, tmp_path, "snail") == {"snail": MINE}


def test_a_block_that_begins_moves_what_is_registered_after_an_overlap(hosted: Town, tmp_path: Path) -> None:
    town = hosted
    follows(town, "self")
    town.load(PLACES)
    town.allow(1)
    work(town)
    assert lists(town, tmp_path, "cmcc", "snail") == {"cmcc": MINE | REST, "snail": set()}
    town.clock.advance(60)
    serving.port(
        town.store, town.clock, town.plan, number=town.number(5), digits=town.digits[5], carrier="ctcc"
    )
    give(town, "165000")
    assert work(town)["moved"] == 5
    assert lists(town, tmp_path, "cmcc", "snail") == {"cmcc": MINE - {5} | REST, "snail": MINE - {5}}
    assert not any(work(town).values())
    town.clock.advance(hours=23)
    town.decline(0, LOANS)
    work(town)
    assert lists(town, tmp_path, "cmcc", "snail")["cmcc"] == MINE - {5} | REST
    town.clock.advance(hours=1)
    assert {name: count for name, count in work(town).items() if count} == {"overlaps": 5}
    assert lists(town, tmp_path, "cmcc", "snail", "ctcc") == {"cmcc": REST, "snail": MINE - {5}, "ctcc": {5}}


def test_a_block_that_ends_gives_its_numbers_back_to_the_host(hosted: Town, tmp_path: Path) -> None:
    town = hosted
    follows(town, "self")
    give(town, "165000")
    town.load(PLACES)
    work(town)
    town.clock.advance(60)
    resellers.remove_block(town.store, town.clock, reseller="snail", prefix="165000")
    assert resellers.blocks_of(town.store) == ()
    assert work(town)["moved"] == 6
    assert town.store.serving.blocks() == ()
    town.clock.advance(hours=25)
    work(town)
    assert lists(town, tmp_path, "cmcc", "snail") == {"cmcc": MINE | REST, "snail": set()}
    with pytest.raises(NotFoundError):
        resellers.remove_block(town.store, town.clock, reseller="snail", prefix="165000")


def test_moving_that_was_broken_off_is_gone_on_with(hosted: Town, tmp_path: Path) -> None:
    town = hosted
    follows(town, "self")
    town.load(PLACES)
    work(town)
    give(town, "165000")

    def lost() -> None:
        raise ConflictError("Somebody else has taken over.", code="lease_lost")

    with pytest.raises(ConflictError):
        resellers.move_numbers(
            town.store, town.clock, town.keys, town.plan, overlap=timedelta(hours=24), keep=lost
        )
    publish_once(town)
    assert work(town)["moved"] == 0
    assert lists(town, tmp_path, "cmcc", "snail") == {"cmcc": MINE | REST, "snail": MINE}


def test_who_serves_is_the_same_for_one_number_and_for_many(hosted: Town, plan: NumberPlan) -> None:
    town = hosted
    follows(town, "self")
    assert give(town, "16500", "1703", "165010", "16502345") == ["", "", "", ""]
    town.digits = [8616500000000, 8616501199999, 8616501000000, 8617030000001, 8616502345678, 8616502345999]
    town.digits += [8613800138000, 8616999999999, 15551234567, 8601012345678, 861062341234]
    numbers = [bytes(town.number(place)) for place in range(len(town.digits))]
    many = serving.serving_carriers(town.store, plan, np.array(town.digits, np.uint64), numbers)
    assert many == [town.carrier(place) for place in range(len(town.digits))]
    assert many[:7] == ["snail", "cmcc", "snail", "snail", "snail", "snail", "cmcc"]


def test_blocks_that_cannot_be_are_refused_one_by_one_and_the_others_taken(hosted: Town) -> None:
    town = hosted
    with pytest.raises(InvalidInputError) as caught:
        give(town, "165000")
    assert caught.value.code == "no_reseller"
    follows(town, "self")
    found = give(town, "165000", "1650", "16500012", "16", "0650000", "16500٣", "167000", "160000", "1703", "165000")
    overlaps = "block_overlaps"
    assert found == [
        "", overlaps, overlaps, "bad_prefix", "bad_prefix", "bad_prefix", "other_network", "block_unassigned", "", "",
    ]
    assert [block.prefix for block in resellers.blocks_of(town.store, "snail")] == ["165000", "1703"]


def test_a_host_is_a_carrier_without_a_host_and_never_the_reseller_itself(hosted: Town) -> None:
    town = hosted
    for party, host, how, code in (
        ("snail", "snail", "self", "bad_host"), ("snail", "acme", "self", "bad_host"),
        ("acme", "cmcc", "self", "bad_host"), ("snail", "cmcc", "through", "bad_follows"),
        ("snail", "", "host", "bad_follows"), ("snail", "nobody", "self", "no_such_party"),
    ):
        with pytest.raises((InvalidInputError, NotFoundError)) as caught:
            resellers.set_reseller(town.store, town.clock, party=party, host=host, follows=how)
        assert caught.value.code == code
    follows(town, "both")
    for party, host in (("ctcc", "snail"), ("cmcc", "ctcc")):
        with pytest.raises(InvalidInputError):
            resellers.set_reseller(town.store, town.clock, party=party, host=host)
    give(town, "165000")
    with pytest.raises(ConflictError) as held:
        follows(town, "self", host="")
    assert held.value.code == "has_blocks"
    resellers.remove_block(town.store, town.clock, reseller="snail", prefix="165000")
    follows(town, "self", host="")
    trail = [row["action"] for row in town.store.engine.rows("SELECT action FROM audit ORDER BY entry")]
    assert trail == ["party_added", "reseller_set", "blocks_added", "block_removed", "reseller_set"]
