"""The follower in Node.js against the real publisher over HTTP: TUF, keys, lists, deltas, roots, lookups."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from registry import keydelivery
from registry.numbering import load_holidays
from registry.preferences import NOTHING, Preference
from registry.tags import ALGORITHMS
from sync.conformance import Run as Conformance
from sync.publish import publish_once
from tests.examples.conftest import EXAMPLES, Run
from tests.sync import serving
from tests.sync.town import Town

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "tags.json").read_text())


@pytest.fixture
def world(small_town: Town, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[serving.World]:
    """A carrier over HTTP; with the parameter `sandbox`, one that tries its side out."""
    if getattr(request, "param", "") == "sandbox":
        with small_town.store.writing():
            small_town.store.engine.run("UPDATE party SET sandbox = 1 WHERE party = 'cmcc'")
    small_town.clock.moment = datetime.now().astimezone()  # Node has no clock of ours
    small_town.load(serving.PLACES)
    publish_once(small_town)
    with serving.serving(small_town) as (url, handler):
        yield serving.World(small_town, tmp_path / "state", url, handler)


@pytest.fixture
def follow(world: serving.World, node: Run, tmp_path: Path) -> Any:
    (tmp_path / "root.json").write_bytes(world.root())
    (tmp_path / "key").write_text(serving.KEY + "\n")

    def once(*, check: bool = True) -> Any:
        said = node(
            "follow.js", f"{world.url}/api/v1/feeds/cmcc", tmp_path / "node", tmp_path / "root.json", tmp_path / "key",
            check=check,
        )
        return json.loads(said) if check else said

    return once


def lookup(node: Run, folder: Path, number: str, **more: str) -> Any:
    return json.loads(node("lookup.js", folder, number, json.dumps(more)))


def mobile(world: serving.World, *, which: int = 0) -> tuple[int, str]:
    """A place whose number is a mobile that the carrier serves, and the number as people write it."""
    digits = world.town.digits
    places = [place for place in world.served if str(digits[place]).startswith("861")]
    return places[which], str(digits[places[which]])[2:]


def test_a_feed_is_followed_from_nothing_and_through_deltas_and_both_sides_agree(
    world: serving.World, follow: Any, node: Run, tmp_path: Path
) -> None:
    place, number = mobile(world)
    first = follow()
    assert (first["before"], first["edition"], first["agrees"], first["entries"]) == (0, 1, True, len(world.served))
    assert lookup(node, tmp_path / "node", number)["reason"] == "everything_declined"
    (tmp_path / "node" / "private-key.json").stat()
    assert (tmp_path / "node" / "private-key.json").stat().st_mode & 0o777 == 0o600

    world.town.allow(place, "acme")
    other, other_number = mobile(world, which=1)
    for step in range(6):  # editions whose deltas are small beside the full list
        world.publish((place, Preference(step + 1, 0, 0, 0)), (other, NOTHING if step % 2 else Preference(0, 0, 0, 1)))
        done = follow()
        assert (done["edition"], done["agrees"], done["before"]) == (step + 2, True, step + 1)
    assert done["exceptions"] == 1
    at = "2026-11-23T10:00:00+08:00"
    assert lookup(node, tmp_path / "node", number, category="collection", at=at)["reason"] == "category_declined"
    assert lookup(node, tmp_path / "node", number, category="collection", party="acme")["reason"] == "personal_allow"
    assert lookup(node, tmp_path / "node", number, category="loan")["reason"] == "no_recorded_will"
    assert lookup(node, tmp_path / "node", other_number)["reason"] == "no_recorded_will"
    assert follow()["files"] == 0


def test_it_refuses_what_the_reference_client_refuses_and_keeps_its_list(
    world: serving.World, follow: Any, node: Run, tmp_path: Path
) -> None:
    _, number = mobile(world)
    follow()
    before = dict(world.town.shelf.files)
    world.publish((world.place(1), Preference(1, 0, 0, 0)))
    for name in [name for name in world.town.shelf.files if name not in before and "/lists/" in name]:
        world.town.shelf.files[name] = world.town.shelf.files[name][:-1] + b"?"
    if "altered" not in follow(check=False):
        pytest.fail("an altered list file was taken")
    assert lookup(node, tmp_path / "node", number)["edition"] == 1
    target = next(name for name in world.town.shelf.files if name.endswith("feed.json") and name not in before)
    world.town.shelf.files[target] = b"{}"
    assert "Error" in follow(check=False)
    pointer = "feeds/cmcc/metadata/timestamp.json"
    world.town.shelf.files[pointer] = before[pointer]  # a cache that serves what was
    assert "Error" in follow(check=False)
    assert lookup(node, tmp_path / "node", number)["edition"] == 1


def test_a_list_that_drifted_is_noticed_by_its_root_and_begun_anew(
    world: serving.World, follow: Any, tmp_path: Path
) -> None:
    follow()
    state = json.loads((tmp_path / "node" / "state.json").read_text())
    file = tmp_path / "node" / state["files"][0]
    file.write_bytes(file.read_bytes()[18:])
    world.publish((world.place(1), Preference(1, 0, 0, 0)))
    said = follow(check=False)  # it says nothing where a full list was the cheaper way, which mends the list at once
    assert not said or "roots differ" in said
    assert follow()["agrees"]


@contextmanager
def served(node_folder: Path, state: Path) -> Iterator[str]:
    child = subprocess.Popen(["node", "serve.js", str(state)], cwd=node_folder, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield child.stdout.readline().strip()
    finally:
        child.terminate()
        child.wait(10)
        child.stdout.close()


@pytest.mark.parametrize("world", ["sandbox"], indirect=True)
def test_the_follower_passes_the_conformance_run_at_every_place_of_the_cycle(
    world: serving.World, follow: Any, node_folder: Path, tmp_path: Path
) -> None:
    first = follow()
    with served(node_folder, tmp_path / "node") as url:
        for edition in range(first["edition"], first["edition"] + 4):
            run = Conformance(url, timeout=30)
            assert [found for found in run.go() if not found.passed] == []
            assert run.editions == {edition}
            world.publish((0, Preference(edition, 0, 0, 0)))
            assert follow()["agrees"]


def test_tags_and_wrapped_keys_are_those_of_the_registry(node: Run) -> None:
    key, digits = VECTORS["list_key"]["key"], [each["e164"][1:] for each in VECTORS["numbers"]]
    script = """
        import { newPrivateKey, publicKeyOf, tagger, unwrap } from "./keys.js";
        const [key, digits, algorithms, jwk, wrapped] = JSON.parse(process.argv[1]);
        const of = (name) => digits.map((each) => tagger(Buffer.from(key, "hex"), name)(each).toString());
        const said = { tags: Object.fromEntries(algorithms.map((name) => [name, of(name)])), own: newPrivateKey() };
        if (wrapped) said.key = unwrap(jwk, wrapped, "cmcc", 7).toString("hex");
        if (wrapped) try { unwrap(jwk, wrapped, "cmcc", 8); } catch { said.refused = true; }
        said.public = publicKeyOf(said.own).toString("hex");
        console.log(JSON.stringify(said));
    """
    first = json.loads(node("--input-type=module", "-e", script, json.dumps([key, digits, ALGORITHMS, {}, ""])))
    assert first["tags"]["aes-cmac-64"] == [each["tag_u64"] for each in VECTORS["numbers"]]
    sm4 = [str(int(each["sm4_cmac"][:16], 16)) for each in VECTORS["numbers"]]
    assert first["tags"]["sm4-cmac-64"] == sm4
    wrapped = keydelivery.wrap(bytes.fromhex(first["public"]), bytes.fromhex(key), party="cmcc", epoch=7)
    text = json.dumps([key, digits, ALGORITHMS, first["own"], serving._base64(wrapped)])
    second = json.loads(node("--input-type=module", "-e", script, text))
    assert (second["key"], second["refused"]) == (key, True)


def test_its_calendar_is_the_registrys_and_its_files_are_short_and_name_no_address() -> None:
    known = json.loads((EXAMPLES / "node" / "holidays.json").read_text())
    holidays = load_holidays()
    for year, days in known.items():
        whole = [datetime(int(year), 1, 1).toordinal() + day for day in range(365)]
        dates = [datetime.fromordinal(day).date() for day in whole]
        assert [each.isoformat()[5:] for each in dates if holidays.is_holiday(each)] == days
    files = [path for path in EXAMPLES.rglob("*") if path.is_file()]
    assert not [path.name for path in files if len(path.read_text().splitlines()) > 150]
    assert not [path.name for path in files if path.name.startswith(".npmrc") or "lock" in path.name]
