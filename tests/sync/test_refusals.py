"""What a follower must not take: it refuses, says which it is, and keeps its list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from registry import roots
from registry.errors import ConflictError, NotAllowedError, UnavailableError
from registry.keys import SigningKeys
from registry.numbers import Number
from registry.preferences import NOTHING
from sync import feed
from sync.lookup import Lookup
from sync.state import Status
from tests.sync.serving import PLACES, TEN, World, index_of
from tests.sync.town import contents


def newest_list(world: World) -> str:
    index = index_of(world.town)
    file = next(file for file in index.files if file.to == index.newest and file.kind == "delta")
    return f"feeds/cmcc/lists/{file.parts[0].name}"


def alter(name: str) -> Callable[[World], None]:
    def damage(world: World) -> None:
        found = newest_list(world) if name == "list" else f"feeds/cmcc/{name}"
        content = bytearray(world.town.shelf.files[found])
        content[len(content) // 2] ^= 1
        world.town.shelf.files[found] = bytes(content)

    return damage


def cut(name: str) -> Callable[[World], None]:
    def damage(world: World) -> None:
        found = newest_list(world) if name == "list" else f"feeds/cmcc/{name}"
        world.town.shelf.files[found] = world.town.shelf.files[found][:-9]

    return damage


def lose(world: World) -> None:
    world.town.shelf.delete(newest_list(world))


def expire(world: World) -> None:
    world.town.clock.advance(hours=25)


def forge(world: World) -> None:
    """Everything signed anew, by keys that the root does not name."""
    stranger, town = SigningKeys.from_seeds(b"x" * 32, b"y" * 32), world.town
    head = feed.read_head(town.shelf, "cmcc", roots.newest_root(town.shelf))
    for name, content in feed.advance(head, head.index, stranger, town.clock.now(), hours=24).items():
        town.shelf.put(feed.place("cmcc", name), content)


def swap(world: World) -> None:
    """The national feed served as the carrier's own."""
    for name in list(world.town.shelf.names("feeds/all/")):
        own = name.replace("feeds/all/", "feeds/cmcc/")
        world.town.shelf.files[own] = world.town.shelf.files[name]
    world.town.clock.advance(1)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (alter("list"), "feed_altered"),
        (cut("list"), "feed_cut"),
        (alter("metadata/timestamp.json"), "feed_altered"),
        (cut("metadata/timestamp.json"), "feed_cut"),
        (lose, "feed_incomplete"),
        (expire, "feed_expired"),
        (forge, "feed_foreign_key"),
        (swap, "feed_foreign"),
    ],
    ids=["list altered", "list cut", "pointer altered", "pointer cut", "list gone", "expired", "forged", "of another"],
)
def test_what_must_not_be_taken_is_refused_and_the_list_stays(
    world: World, damage: Callable[[World], None], code: str
) -> None:
    world.follow()
    before = contents(world.town, world.mirror(), "cmcc", PLACES)
    world.publish((world.place(), NOTHING))
    kept = dict(world.town.shelf.files)
    damage(world)
    assert world.refusal() == code
    assert contents(world.town, world.mirror(), "cmcc", PLACES) == before
    assert world.state.read("status.json", Status).refused == code
    blocked = Lookup.open(world.state).decide(Number(1, world.town.digits[world.place()]), at=TEN)
    assert not blocked.allow
    world.town.shelf.files = kept
    world.town.clock.moment -= timedelta(hours=25 if damage is expire else 0)
    assert world.follow().edition == 2


def test_an_older_feed_is_refused_and_the_list_stays(world: World) -> None:
    old = dict(world.town.shelf.files)
    world.publish((world.place(), NOTHING))
    world.follow()
    world.town.shelf.files = old
    assert world.refusal() == "feed_older"
    assert world.mirror().edition == 2


def test_a_wrong_key_a_missing_feed_and_a_registry_that_is_away_are_told_apart(world: World, tmp_path: Path) -> None:
    with pytest.raises(NotAllowedError) as caught:
        world.follow(key="dc_wrong")
    assert caught.value.code == "key_refused"
    away = World(world.town, tmp_path / "away", "http://127.0.0.1:9", world.handler)
    with pytest.raises(UnavailableError):
        away.follow()
    world.follow()
    assert world.refusal(key="dc_wrong") == "key_refused"
    assert world.mirror().edition == 1


def test_two_followers_of_one_folder_do_not_meet(world: World) -> None:
    world.follow()
    with world.state.alone(), pytest.raises(ConflictError) as caught:
        world.follow()
    assert caught.value.code == "state_busy"
