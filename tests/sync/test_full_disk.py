"""Disks that take no more, refused by the kernel itself: nothing half-written, and it goes on when there is room."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from registry.errors import RegistryError, UnavailableError
from registry.outside.shelf import FolderShelf
from registry.preferences import Preference
from sync import feed
from sync.publish import publish_once
from tests.sync.serving import PLACES, World
from tests.sync.town import Town, assert_all_follow, contents, truth


@contextmanager
def no_file_longer_than(most: int) -> Iterator[None]:
    """The kernel refuses this process what goes beyond (EFBIG)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class FullShelf(FolderShelf):
    """A folder whose disk is full after so many files."""

    left = 10**9

    def put(self, name: str, content: bytes | Path) -> None:
        self.left -= 1
        if self.left >= 0:
            super().put(name, content)
            return
        with no_file_longer_than(20):
            super().put(name, content)


def test_a_shelf_that_is_full_at_any_file_takes_nothing_half_and_catches_up(small_town: Town, tmp_path: Path) -> None:
    town, step, refused = small_town, 0, 0
    town.shelf = shelf = FullShelf(tmp_path / "shelf")
    town.load(PLACES)
    publish_once(town)
    while True:
        town.clock.advance(61)
        for place in range(step % 5, PLACES, 3):
            town.decline(place, Preference(step + 1, 0, 0, 0))
        town.allow(step % PLACES)
        shelf.left = step
        try:
            publish_once(town)
            break
        except UnavailableError as error:
            refused += 1
            said = error.detail
        assert "The disk of the shelf is full" in said
        assert not [path for path in shelf.folder.rglob(".*") if path.is_file()]
        root = feed.newest_root(shelf)
        assert all(feed.read_head(shelf, party, root) for party in ("cmcc", "all"))
        shelf.left = 10**9
        if step % 3 == 0:
            publish_once(town)  # the edition that was broken off
            publish_once(town)  # what came since
            assert_all_follow(town, tmp_path, PLACES, ("cmcc", "all"))
        step += 1
    assert refused > 10
    shelf.left = 10**9
    for _ in range(2):
        publish_once(town)
    assert town.store.editions.open_edition() is None
    assert_all_follow(town, tmp_path, PLACES, ("cmcc", "all"))


@pytest.mark.parametrize("most", [0, 40, 300, 1500])
def test_a_follower_whose_disk_is_full_says_so_keeps_its_list_and_goes_on_later(world: World, most: int) -> None:
    world.follow()
    before = contents(world.town, world.mirror(), "cmcc", PLACES)
    for turn in range(3):
        world.publish(*((world.place(which), Preference(turn + 1, which, 0, 0)) for which in range(6)))
        with no_file_longer_than(most), pytest.raises(RegistryError) as caught:
            world.follow()
        assert caught.value.code in {"disk_full", "state_unwritable"}, caught.value.detail
        assert contents(world.town, world.mirror(), "cmcc", PLACES) == before
    done = world.follow(verify=True)
    assert (done.edition, done.agrees) == (4, True)
    assert contents(world.town, world.mirror(), "cmcc", PLACES) == truth(world.town, "cmcc", PLACES)
