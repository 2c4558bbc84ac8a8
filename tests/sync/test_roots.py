"""The root of trust and online keys, changed as operators change them, and followed by whoever was away meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Root

from registry import audit, ceremony, roots
from registry.errors import ConflictError, InvalidInputError, NotFoundError, RegistryError, SettingsError
from registry.keys import SigningKeys, signer
from registry.preferences import NOTHING, Preference
from sync import feed
from sync.publish import publish_once
from sync.state import ListKeys
from tests.sync.serving import PLACES, World
from tests.sync.town import Town, contents, truth

FIRST, SECOND, THIRD = b"r" * 32, b"s" * 32, b"t" * 32  # root keys; the first is the town's
ONLINE, NEXT, LAST = b"o" * 32, b"p" * 32, b"q" * 32


def public(seed: bytes) -> str:
    return ceremony.public_of(seed)[0]


def key_id(seed: bytes) -> str:
    return ceremony.public_of(seed)[1]


def signed(town: Town, *seeds: bytes, **changes: Any) -> bytes:
    content = ceremony.draft(town.shelf, town.clock.now(), **changes)
    for seed in seeds:
        content = ceremony.sign(content, seed)
    return content


def publish(town: Town, content: bytes, **how: Any) -> ceremony.Summary:
    return ceremony.publish(town.store, town.clock, town.shelf, town.signing, content=content, **how)


def refused(town: Town, content: bytes) -> str:
    with pytest.raises(RegistryError) as caught:
        publish(town, content)
    assert len(list(town.shelf.names("trust/"))) == 1
    return caught.value.code


def holds(town: Town, online: bytes, *others: bytes) -> None:
    """Which online keys lie on the machine, the newest first; the root key is kept elsewhere."""
    town.signing = SigningKeys.from_seeds(None, online, *others)


def signers(town: Town, party: str = "cmcc") -> frozenset[str]:
    head = feed.read_head(town.shelf, party, roots.newest_root(town.shelf))
    assert head is not None
    return head.signers


@pytest.fixture
def begun(small_town: Town) -> Town:
    small_town.load(PLACES)
    publish_once(small_town)
    return small_town


def test_a_root_counts_only_when_enough_keys_of_the_old_one_and_of_its_own_have_signed(begun: Town) -> None:
    two_of_three = {"add_root": [public(SECOND), public(THIRD)], "threshold": 2}
    for seeds in ((), (FIRST,), (SECOND, THIRD), (b"x" * 32, FIRST)):
        assert refused(begun, signed(begun, *seeds, **two_of_three)) == "root_not_signed"
    said = publish(begun, signed(begun, FIRST, THIRD, **two_of_three))
    assert (said.version, said.threshold, len(said.root_keys)) == (2, 2, 3)
    with pytest.raises(ConflictError) as caught:  # now one is not enough
        publish(begun, signed(begun, FIRST, remove_root=[key_id(THIRD)]))
    assert caught.value.code == "root_not_signed"
    assert "1 more by keys of the root before it" in caught.value.detail
    publish(begun, signed(begun, SECOND, THIRD, remove_root=[key_id(FIRST)]))
    assert roots.newest_root(begun.shelf).version == 3
    entry = audit.entries(begun.store)[0]
    assert (entry.action, entry.subject, entry.facts["compromised"]) == ("root_published", "root:3", False)


def test_what_cannot_be_a_root_is_refused(begun: Town) -> None:
    good = signed(begun, FIRST)
    assert refused(begun, b"{}") == "not_a_root"
    assert refused(begun, begun.shelf.get("feeds/cmcc/metadata/timestamp.json")) == "not_a_root"
    altered = good.replace(b'"threshold":1', b'"threshold":2')
    assert refused(begun, altered) in {"root_not_signed", "not_a_root"}
    for wrong, code in (
        ({"threshold": 2}, "bad_threshold"), ({"remove_root": [key_id(FIRST)]}, "no_keys"),
        ({"remove_online": [key_id(ONLINE)]}, "no_keys"), ({"add_root": ["zz"]}, "bad_public_key"),
    ):
        with pytest.raises(InvalidInputError) as caught:
            ceremony.draft(begun.shelf, begun.clock.now(), **wrong)
        assert caught.value.code == code
    with pytest.raises(NotFoundError):
        ceremony.draft(begun.shelf, begun.clock.now(), remove_root=["ab" * 32])
    begun.clock.advance(days=660)
    assert refused(begun, good) == "root_expires"
    publish(begun, signed(begun, FIRST))
    with pytest.raises(ConflictError) as old:
        publish(begun, good)
    assert old.value.code == "root_version"


def test_an_online_key_is_exchanged_without_a_gap(begun: Town, tmp_path: Path) -> None:
    exchanged = signed(begun, FIRST, add_online=[public(NEXT)], remove_online=[key_id(ONLINE)])
    holds(begun, NEXT, ONLINE)
    assert refused(begun, exchanged) == "online_key_in_use"
    publish(begun, signed(begun, FIRST, add_online=[public(NEXT)]))
    assert signers(begun) == {key_id(ONLINE)}
    begun.clock.advance(60)
    publish_once(begun)
    assert signers(begun) == signers(begun, "all") == {key_id(NEXT)}
    publish(begun, signed(begun, FIRST, remove_online=[key_id(ONLINE)]))
    holds(begun, NEXT)
    begun.clock.advance(60)
    begun.decline(0, NOTHING)
    publish_once(begun)
    assert signers(begun) == {key_id(NEXT)}
    assert begun.shelf.get("feeds/all/metadata/3.root.json") == begun.shelf.get("trust/3.root.json")


def test_a_publisher_without_an_online_key_that_counts_changes_nothing(begun: Town) -> None:
    publish(begun, signed(begun, FIRST, add_online=[public(NEXT)]))
    holds(begun, LAST)
    before = dict(begun.shelf.files)
    with pytest.raises(SettingsError) as caught:
        publish_once(begun)
    assert caught.value.code == "no_online_key"
    assert begun.shelf.files == before
    with pytest.raises(SettingsError):  # nor is a root published that names none of the keys here
        publish(begun, signed(begun, FIRST))


def test_a_stolen_online_key_is_removed_at_once_and_nothing_it_signed_is_built_upon(
    world: World, tmp_path: Path
) -> None:
    town = world.town
    world.follow()
    holds(town, NEXT, ONLINE)
    publish(
        town, signed(town, FIRST, add_online=[public(NEXT)], remove_online=[key_id(ONLINE)]), compromised=True
    )
    root = roots.all_roots(town.shelf)
    head = feed.read_head(town.shelf, "cmcc", root[0], root[1:])
    assert head is not None
    assert head.index is None
    world.publish((world.place(), Preference(1, 0, 0, 0)))
    assert signers(town) == {key_id(NEXT)}
    head = feed.read_head(town.shelf, "cmcc", root[0])
    assert head is not None
    assert [file.kind for file in head.indexes[0].files] == ["full"]
    done = world.follow()
    assert (done.edition, done.agrees) == (2, True)
    assert contents(town, world.mirror(), "cmcc", PLACES) == truth(town, "cmcc", PLACES)


def test_a_follower_that_was_away_through_two_rotations_of_everything_comes_back(world: World) -> None:
    town = world.town
    world.follow()
    first_root = world.state.raw("root.json")
    assert town.rotate() == 2
    holds(town, NEXT, ONLINE)
    publish(town, signed(
        town, FIRST, SECOND, add_root=[public(SECOND), public(THIRD)], threshold=2, add_online=[public(NEXT)]
    ))
    world.publish((world.place(1), NOTHING))
    publish(town, signed(town, SECOND, THIRD, remove_root=[key_id(FIRST)], remove_online=[key_id(ONLINE)]))
    world.publish((world.place(2), NOTHING))
    assert town.rotate(days=8) == 3
    holds(town, LAST, NEXT)
    publish(town, signed(town, SECOND, THIRD, add_online=[public(LAST)]))
    world.publish((world.place(3), Preference(5, 0, 0, 0)))
    publish(town, signed(town, SECOND, THIRD, remove_online=[key_id(NEXT)]))
    holds(town, LAST)
    world.publish((world.place(4), NOTHING))
    town.clock.advance(days=31)
    world.publish((world.place(5), NOTHING))
    done = world.follow()
    assert (done.before, done.epoch, done.newest_epoch, done.repaired, done.agrees) == (1, 3, 3, False, True)
    assert world.state.raw("root.json") == first_root
    assert roots.newest_root(town.shelf).version == 5
    head = feed.read_head(town.shelf, "cmcc", roots.newest_root(town.shelf))
    assert head is not None
    assert head.index is not None
    assert head.index.edition(done.edition).content_root == world.mirror().content_root.hex()
    assert contents(town, world.mirror(), "cmcc", PLACES) == truth(town, "cmcc", PLACES)
    keys = world.state.read("list-keys.json", ListKeys)
    assert keys is not None
    assert set(keys.keys) == {3}


def test_a_root_that_nobody_renewed_in_time_is_known_beforehand(begun: Town) -> None:
    ends = ceremony.ends(begun.shelf)
    assert ends is not None
    assert (ends - begun.clock.now()).days in range(728, 731)
    begun.clock.advance(days=700)
    said = publish(begun, signed(begun, FIRST))
    assert (said.expires - begun.clock.now()).days in range(728, 731)


def test_the_first_root_needs_the_root_key_only_until_it_is_made(small_town: Town) -> None:
    holds(small_town, ONLINE)
    with pytest.raises(SettingsError) as caught:
        publish_once(small_town)
    assert caught.value.code == "no_root_key"
    roots.trusted_root(small_town.shelf, SigningKeys.from_seeds(FIRST, ONLINE), small_town.clock.now())
    assert publish_once(small_town)["feeds"] == 2
    root = roots.newest_root(small_town.shelf)
    assert root.roles[Root.type].keyids == [signer(FIRST).public_key.keyid]
