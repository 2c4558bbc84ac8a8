"""A follower's folder in which somebody damaged a file: it goes on by itself, or says in one line what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from registry.errors import RegistryError
from registry.numbers import Number
from registry.preferences import NOTHING, Preference
from sync.follow import Followed
from sync.lookup import Lookup
from tests.sync.serving import PLACES, TEN, World
from tests.sync.town import contents, truth

Damage = Callable[[Path], None]
ROOT_IS_NEEDED = {"no_root", "bad_root"}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scribble(path: Path) -> None:
    path.write_bytes(b"\xff{ \x00 not what it was")


def lose(path: Path) -> None:
    path.unlink()


def places(world: World) -> dict[str, Path]:
    """One file of each kind in the folder."""
    folder = world.state.folder
    found = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    buckets = [name for name in found if name.startswith("list/") and name.count("-") == 1 and "exc" not in name]
    return {name: path for name, path in found.items() if name not in buckets[1:]}


def right(world: World) -> bool:
    mirror = world.mirror()
    same = contents(world.town, mirror, "cmcc", PLACES) == truth(world.town, "cmcc", PLACES)
    asked = Number(1, world.town.digits[world.place(3)])
    return same and not Lookup.open(world.state).decide(asked, at=TEN).allow


@pytest.mark.parametrize("damage", [cut, scribble, lose], ids=["cut short", "garbage", "gone"])
def test_whatever_file_is_damaged_a_follower_comes_back_to_the_list(world: World, damage: Damage) -> None:
    world.town.allow(world.place(4))
    world.publish((world.place(), NOTHING))
    world.follow()
    names = sorted(places(world))
    assert {"root.json", "status.json", "feed.json", "list-keys.json", "recipient.key"} <= set(names)
    assert sum(name.startswith("metadata/") for name in names) >= 4
    assert {"list/state.json"} <= set(names)
    for turn, name in enumerate(names):
        found = places(world)
        path = found.get(name) or next(path for each, path in found.items() if each[:7] == name[:7])
        damage(path)
        world.publish((world.place(1), Preference(turn + 1, 0, 0, 0)))
        try:
            done = world.follow(verify=True)
        except RegistryError as error:
            done = by_hand(world, name, error)
        assert done.agrees, name
        assert right(world), name


def by_hand(world: World, name: str, error: RegistryError) -> Followed:
    """What the line says that an operator must do."""
    if name == "root.json":
        assert error.code in ROOT_IS_NEEDED, error.detail
        return world.follow(verify=True, root=world.root())
    assert name == "recipient.key", (name, error.code)
    assert "remove recipient.key" in error.detail
    (world.state.folder / name).unlink()
    return world.follow(verify=True)


def test_a_folder_of_which_only_the_root_is_left_begins_anew(world: World) -> None:
    world.follow()
    for path in sorted(world.state.folder.rglob("*"), reverse=True):
        if path.is_file() and path.name != "root.json":
            path.unlink()
    world.publish((world.place(), NOTHING))
    assert world.follow(verify=True).agrees
    assert right(world)
