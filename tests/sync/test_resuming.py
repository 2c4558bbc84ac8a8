"""A round of publishing that ends anywhere: the next one resumes the same edition with the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

import pytest

from registry.preferences import Preference
from sync.publish import publish_once
from tests.doubles import MemoryShelf
from tests.sync.town import (
    Town,
    assert_all_follow,
)

LOANS = Preference(1, 1, 1, 0)


class StoppedError(BaseException):
    """The power went off."""


class BreakingShelf:
    """A shelf that ends the process at its n-th use; what it did before stays."""

    def __init__(self, inner: MemoryShelf, left: int) -> None:
        self.inner, self.left = inner, left

    def _use(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise StoppedError

    def put(self, name: str, content: bytes | Path) -> None:
        self._use()
        self.inner.put(name, content)

    def get(self, name: str) -> bytes:
        self._use()
        return self.inner.get(name)

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        self._use()
        return self.inner.open(name)

    def path(self, name: str) -> AbstractContextManager[Path]:
        self._use()
        return self.inner.path(name)

    def size(self, name: str) -> int | None:
        self._use()
        return self.inner.size(name)

    def names(self, prefix: str) -> Iterator[str]:
        self._use()
        return self.inner.names(prefix)

    def delete(self, name: str) -> None:
        self._use()
        self.inner.delete(name)


def rows_of_editions(town: Town) -> dict[int, list[Any]]:
    return {
        edition: [row for page in town.store.editions.changes(after=edition - 1, upto=edition) for row in page]
        for edition in range(1, town.store.editions.newest() + 1)
    }


def test_killed_at_any_use_of_the_shelf_a_round_resumes_the_same_edition(small_town: Town, tmp_path: Path) -> None:
    town, shelf, killed, step, finished = small_town, small_town.shelf, 0, 0, False
    while not finished:
        for place in range(6):
            town.decline((step + place) % 12, Preference(1 + step % 7, place, 0, 0))
        town.allow(step % 12)
        claimed: dict[int, list[Any]] = {}
        town.shelf = BreakingShelf(shelf, step)
        try:
            publish_once(town)
            finished = True
        except StoppedError:
            killed += 1
            claimed = rows_of_editions(town)
        town.shelf = shelf
        publish_once(town)
        rows = rows_of_editions(town) if claimed else {}
        assert {edition: rows[edition] for edition in claimed} == claimed
        if step % 8 == 0 or finished:
            assert_all_follow(town, tmp_path, 12, ("cmcc", "all"))
        town.clock.advance(61)
        step += 1
    assert killed > 30
    assert not town.store.editions.anything_pending()
    assert town.store.editions.open_edition() is None


def test_killed_between_any_two_writes_of_the_database_a_round_resumes(
    small_town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = small_town
    real, step, finished = town.store.writing, 0, False
    while not finished:
        town.decline(step % 30, Preference(step + 1, 0, 0, 0))
        left = step

        def writing(about: bytes | str | None = None) -> AbstractContextManager[None]:
            nonlocal left
            left -= 1
            if left < 0:
                raise StoppedError
            return real(about)

        monkeypatch.setattr(town.store, "writing", writing)
        try:
            publish_once(town)
            finished = left >= 0
        except StoppedError:
            pass
        monkeypatch.setattr(town.store, "writing", real)
        publish_once(town)
        assert_all_follow(town, tmp_path, 30, ("all",))
        town.clock.advance(61)
        step += 1
    assert step > 3
