"""Lists that were damaged or have drifted are mended by what differs; what was wrong is told, nothing is believed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from registry import editions, repairs
from registry.findings import Findings
from registry.preferences import NOTHING, Preference
from sync import repair
from sync.mirror import Mirror
from sync.publish import publish_once
from sync.state import Status
from tests.sync.serving import PLACES, World
from tests.sync.town import contents, index_of, true_exceptions, truth


def asked(world: World, part: str) -> list[str]:
    return [path for path, _ in world.handler.asked if part in path]


def assert_right(world: World) -> None:
    mirror = world.mirror()
    mirror.verify()
    assert contents(world.town, mirror, "cmcc", PLACES) == truth(world.town, "cmcc", PLACES)
    assert {tuple(row) for row in mirror.exceptions().tolist()} == true_exceptions(world.town, "cmcc", PLACES)
    entry = index_of(world.town, "cmcc").edition(mirror.edition)
    assert (entry.content_root, entry.exceptions_root) == (mirror.content_root.hex(), mirror.exceptions_root.hex())


def records(mirror: Mirror) -> editions.Records:
    names = [mirror.state.bucket_name(number) for number in range(256)]
    return np.frombuffer(b"".join((mirror.folder / name).read_bytes() for name in names if name), editions.RECORD)


def row(tag: int, calls: int = 0, robocalls: int = 0, messages: int = 0, quiet: int = 0) -> editions.Records:
    return editions.record_array([tag], [calls], [robocalls], [messages], [quiet])


# --- damaged files ----------------------------------------------------------------------------------------------------


def first(world: World) -> Path:
    return next(path for path in sorted(world.state.list.iterdir()) if len(path.name) == 35)


def flip_a_mask(world: World) -> None:
    content = bytearray(first(world).read_bytes())
    content[9] ^= 0x10
    first(world).write_bytes(bytes(content))


def flip_a_tag(world: World) -> None:
    content = bytearray(first(world).read_bytes())
    content[5] ^= 0x10
    first(world).write_bytes(bytes(content))


def flip_a_top(world: World) -> None:
    content = bytearray(first(world).read_bytes())
    content[0] ^= 0x80
    first(world).write_bytes(bytes(content))


def cut(world: World) -> None:
    first(world).write_bytes(first(world).read_bytes()[:-1])


def lose(world: World) -> None:
    first(world).unlink()


def add(world: World) -> None:
    content = first(world).read_bytes()
    first(world).write_bytes(content + (int.from_bytes(content[:8], "big") ^ 1).to_bytes(8, "big") + b"\1" * 10)


def scribble(world: World) -> None:
    (world.state.list / "state.json").write_bytes(b'{"edition": ')


def alter_the_state(world: World) -> None:
    state = world.state.list / "state.json"
    state.write_bytes(state.read_bytes().replace(b'"counts":[', b'"counts":[9', 1))


DAMAGE = [
    (flip_a_mask, {"weakened": 1}), (flip_a_tag, {"lost": 1, "foreign": 1}), (flip_a_top, {"lost": 1}),
    (cut, {"lost": 1}), (lose, {"lost": 1}), (add, {"foreign": 1}), (scribble, {}), (alter_the_state, {}),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "wrong"), DAMAGE, ids=[damage.__name__ for damage, _ in DAMAGE])
def test_a_damaged_list_is_mended_by_what_differs(
    world: World, damage: Callable[[World], None], wrong: dict[str, int]
) -> None:
    world.follow()
    damage(world)
    world.handler.asked.clear()
    done = world.follow(verify=True)
    assert (done.edition, done.agrees, done.acknowledged) == (1, True, True)
    assert done.found is not None
    counted = {name: count for name, count in vars(done.found).items() if count and name != "repaired_bytes"}
    assert counted == wrong
    assert not asked(world, "lists/")
    assert_right(world)
    assert world.follow(verify=True).found is None


def test_many_files_damaged_at_once_and_a_lost_state_beside_them(world: World) -> None:
    world.follow()
    files = [path for path in world.state.list.iterdir() if len(path.name) == 35]
    for number, path in enumerate(files[:-1]):
        path.write_bytes(path.read_bytes()[:-number]) if number % 2 else path.unlink()
    scribble(world)
    done = world.follow()
    assert done.found is not None
    assert done.found.lost == len(files) - 1
    assert_right(world)


def test_damage_is_mended_together_with_what_changed_since(world: World) -> None:
    world.follow()
    lose(world)
    world.publish((world.place(1), NOTHING), (world.place(2), Preference(3, 0, 0, 0)))
    world.publish((world.place(3), Preference(1, 1, 0, 0)))
    done = world.follow()
    assert (done.before, done.edition) == (1, 3)
    assert done.found is not None
    assert done.found.wrong <= 1  # of what has changed since, nothing was wrong
    assert_right(world)


# --- drift ------------------------------------------------------------------------------------------------------------


def drift(world: World) -> Findings:
    """Lose an entry, weaken one, strengthen one, add one; what a repair ought to find."""
    mirror = world.mirror()
    rows = records(mirror)
    for wrong in (
        row(int(rows["tag"][0])),
        row(int(rows["tag"][1]), 0x7FFF, 0xFFFF, 0xFFFF),
        row(int(rows["tag"][2]), 0xFFFF, 0xFFFF, 0xFFFF, quiet=1),
        row(int(rows["tag"][3]) ^ 1, 1),
    ):
        mirror.apply(wrong, edition=mirror.edition)
    return Findings(lost=1, weakened=1, strengthened=1, foreign=1)


def test_a_list_that_drifted_is_mended_and_says_what_was_wrong(world: World) -> None:
    world.follow()
    ought = drift(world)
    world.handler.asked.clear()
    done = world.follow()
    assert done.found is not None
    assert done.found == Findings(**{**vars(ought), "repaired_bytes": done.size})
    assert not asked(world, "lists/")
    assert (len(asked(world, "/digests")), len(asked(world, "/pieces"))) == (1, 1)
    assert_right(world)


def test_a_list_that_drifted_long_ago_ends_right(world: World) -> None:
    world.follow()
    drift(world)
    for step in range(6):
        world.town.clock.advance(days=3)
        world.publish((PLACES - 1 - step, Preference(step + 1, 0, 0, 0)))
    assert world.follow().found is not None
    assert_right(world)


def test_what_was_found_reaches_the_registry_once_however_often_it_is_said(world: World) -> None:
    world.follow()
    drift(world)
    world.handler.broken["acknowledgements"] = 1
    assert not world.follow().acknowledged
    status = world.state.read("status.json", Status)
    assert status is not None
    assert status.found is not None
    world.follow()
    world.follow()
    (kept,) = world.town.store.findings.of("cmcc", limit=9)
    assert (kept.edition, kept.found) == (1, status.found)


def test_exceptions_are_fetched_whole_where_they_differ(world: World) -> None:
    world.town.allow(world.place(), "acme")
    world.town.allow(world.place(1), "globex", kind=2)
    world.publish()
    world.follow()
    exceptions = next(world.state.list.glob("exceptions-*"))
    exceptions.write_bytes(exceptions.read_bytes()[23:])
    done = world.follow(verify=True)
    assert done.found is not None
    assert (done.found.exceptions, done.found.anew) == (1, False)
    assert_right(world)
    next(world.state.list.glob("exceptions-*")).write_bytes(b"?")
    done = world.follow(verify=True)
    assert done.found is not None
    assert done.found.exceptions == 2
    assert_right(world)


# --- the registry's side ----------------------------------------------------------------------------------------------


def test_the_copy_moves_on_in_the_middle_of_a_repair(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.follow()
    drift(world)
    left = ["", "digests", "pieces"]

    def altered(_self: object, what: str, content: bytes) -> bytes:
        if what in left:  # the next edition is published before the next question
            left.remove(what)
            world.publish(*[(place, Preference(9 + len(left), 0, 0, 0)) for place in world.served])
        return content

    monkeypatch.setattr(world.handler, "altered", altered)
    done = world.follow()
    assert left == []
    assert done.found is not None
    assert not done.found.anew
    assert world.follow().edition == world.town.store.editions.newest()
    assert_right(world)


def test_where_the_registry_has_no_copy_the_list_is_fetched_anew(world: World) -> None:
    world.follow()
    drift(world)
    shutil.rmtree(world.town.instance / "mirrors")
    done = world.follow()
    assert done.found == Findings(repaired_bytes=done.size, anew=True)
    assert_right(world)


@pytest.mark.parametrize("what", ["", "digests", "pieces", "exceptions"])
@pytest.mark.parametrize("how", ["altered", "cut", "longer", "empty"])
def test_a_registry_whose_copy_is_wrong_makes_no_list_wrong(
    world: World, monkeypatch: pytest.MonkeyPatch, what: str, how: str
) -> None:
    world.town.allow(world.place(), "acme")
    world.publish()
    world.follow()
    drift(world)
    next(world.state.list.glob("exceptions-*")).write_bytes(b"?")

    def altered(_self: object, asked_for: str, content: bytes) -> bytes:
        if asked_for != what:
            return content
        if how == "altered" and not what:
            return re.sub(rb'"leaves":\["..', b'"leaves":["00', content)
        if how == "altered":
            return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
        return {"cut": content[:-1], "longer": content + b"0" * 40, "empty": b""}[how]

    monkeypatch.setattr(world.handler, "altered", altered)
    done = world.follow()
    assert done.found is not None
    assert done.found.anew or (what, how) == ("digests", "altered")  # a digest too many costs a piece
    assert_right(world)


def test_pieces_that_do_not_fit_one_answer_are_asked_for_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repairs, "MOST_BYTES", 1)
    monkeypatch.setattr(repair, "AT_ONCE", 3)
    world.follow()
    drift(world)
    world.handler.asked.clear()
    done = world.follow()
    assert done.found is not None
    assert not done.found.anew
    assert len(asked(world, "/pieces")) == 4
    assert_right(world)


def test_a_list_of_which_too_much_differs_is_fetched_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "MOST_PIECES", 2)
    world.follow()
    drift(world)
    done = world.follow()
    assert done.found == Findings(repaired_bytes=done.size, anew=True)
    assert_right(world)


def test_a_round_that_published_nothing_leaves_the_copy_for_repairs(world: World) -> None:
    world.follow()
    publish_once(world.town)
    drift(world)
    assert world.follow().found is not None
    assert_right(world)
