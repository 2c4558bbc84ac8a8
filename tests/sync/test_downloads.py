"""Downloads go on where they stopped, are checked whole, and survive servers that do ranges wrongly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from registry.errors import UnavailableError
from registry.preferences import Preference
from sync.source import HttpSource
from tests.sync.serving import KEY, PLACES, World
from tests.sync.town import contents, truth

CONTENT = bytes(range(256)) * 900


def downloaded(world: World, into: Path, have: bytes) -> list[str]:
    """Download a file of which some bytes are here already; the ranges that were asked for."""
    world.town.shelf.put("feeds/cmcc/lists/large.parquet", CONTENT)
    into.write_bytes(have)
    source = HttpSource(f"{world.url}/api/v1/feeds/cmcc", KEY)
    try:
        source.download("lists/large.parquet", into, size=len(CONTENT))
    finally:
        source.close()
    return [asked for path, asked in world.handler.asked if path.endswith("large.parquet")]


def test_a_server_that_ignores_ranges_is_taken_from_the_start(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def whole(self: Any, content: bytes, _start: int) -> None:
        self.answer(200, content)

    monkeypatch.setattr(world.handler, "part", whole)
    assert downloaded(world, tmp_path / "large", CONTENT[:1000]) == ["bytes=1000-"]
    assert (tmp_path / "large").read_bytes() == CONTENT


@pytest.mark.parametrize("said", ["bytes 0-9/230400", "bytes */230400", "", "bytes 10000-230399/230400"])
def test_a_part_that_begins_elsewhere_is_not_appended(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    def elsewhere(self: Any, content: bytes, start: int) -> None:
        if start:
            self.answer(206, content[: len(content) - start], {"Content-Range": said} if said else {})
        else:
            self.answer(200, content)

    monkeypatch.setattr(world.handler, "part", elsewhere)
    assert downloaded(world, tmp_path / "large", CONTENT[:1000]) == ["bytes=1000-", ""]
    assert (tmp_path / "large").read_bytes() == CONTENT


def test_a_range_that_is_refused_is_asked_for_whole(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Any, content: bytes, start: int) -> None:
        self.answer(416 if start else 200, b"{}" if start else content, {"Content-Range": f"bytes */{len(content)}"})

    monkeypatch.setattr(world.handler, "part", refuse)
    assert downloaded(world, tmp_path / "large", CONTENT[:1000]) == ["bytes=1000-", ""]
    assert (tmp_path / "large").read_bytes() == CONTENT


def test_a_server_that_never_answers_right_is_given_up_without_a_loop(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.handler, "part", lambda self, _content, _start: self.answer(206, b"x" * 10))
    with pytest.raises(UnavailableError):
        downloaded(world, tmp_path / "large", CONTENT[:1000])
    assert len(world.handler.asked) < 10


@pytest.mark.parametrize("have", [0, 1000], ids=["from the start", "resumed"])
def test_no_more_is_kept_than_the_feed_says(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, have: int
) -> None:
    def longer(self: Any, content: bytes, start: int) -> None:
        said = {"Content-Range": f"bytes {start}-{len(content) + 99999}/*"} if start else {}
        self.answer(206 if start else 200, content[start:] + b"x" * 100_000, said)

    monkeypatch.setattr(world.handler, "part", longer)
    downloaded(world, tmp_path / "large", CONTENT[:have])
    assert (tmp_path / "large").read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"wrong" * 10, b"wrong" * 99_999], ids=["shorter", "longer"])
def test_what_lies_here_from_an_attempt_before_and_is_wrong_costs_no_round(world: World, left: bytes) -> None:
    world.follow()
    world.publish((world.place(), Preference(5, 0, 0, 0)))
    name = next(name for name in world.town.shelf.names("feeds/cmcc/lists/") if not seen(world, name))
    (world.state.downloads / name.rpartition("/")[2]).write_bytes(left)
    done = world.follow()
    assert (done.edition, done.agrees, done.found) == (2, True, None)
    assert contents(world.town, world.mirror(), "cmcc", PLACES) == truth(world.town, "cmcc", PLACES)


def seen(world: World, name: str) -> bool:
    return any(path == name for path, _ in world.handler.asked)
