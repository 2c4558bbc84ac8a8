"""The carrier's client against a real HTTP server: what it takes, how it repairs itself, its commands."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from registry import editions, followers, roots
from registry.errors import FeedError, UnavailableError
from registry.keys import SigningKeys
from registry.numbers import Number
from registry.preferences import NOTHING, Preference
from sync.__main__ import main
from sync.follow import follow_once
from sync.lookup import Lookup
from sync.mirror import Mirror
from sync.publish import publish_once
from sync.source import HttpSource
from tests.sync.serving import KEY, PLACES, TEN, World
from tests.sync.town import contents, truth


def test_a_follower_comes_to_the_list_and_acknowledges_it(world: World) -> None:
    done = world.follow()
    assert (done.before, done.edition, done.repaired, done.acknowledged, done.agrees) == (0, 1, False, True, True)
    assert contents(world.town, world.mirror(), "cmcc", PLACES) == truth(world.town, "cmcc", PLACES)
    (state, _) = followers.feed_states(world.town.store, world.town.clock)
    assert (state.acknowledged, state.agrees, state.lag_s) == (1, True, 0)
    world.publish((world.place(), NOTHING), (world.place(1), Preference(1, 0, 0, 0)))
    done = world.follow()
    assert (done.before, done.edition, done.files, done.acknowledged) == (1, 2, 1, True)
    assert contents(world.town, world.mirror(), "cmcc", PLACES) == truth(world.town, "cmcc", PLACES)


def test_a_quiet_minute_costs_little_and_acknowledges_nothing_again(world: World) -> None:
    world.follow()
    world.handler.asked.clear()
    done = world.follow()
    assert (done.files, done.size, done.acknowledged) == (0, 0, True)
    paths = [path.rpartition("/")[2] for path, _ in world.handler.asked]
    assert paths == ["2.root.json", "timestamp.json"]


def test_keys_lie_in_files_that_only_their_owner_reads(world: World) -> None:
    world.follow()
    for name in ("recipient.key", "list-keys.json"):
        mode = (world.state.folder / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE(world.state.folder.stat().st_mode) == 0o700


def test_a_download_that_breaks_goes_on_where_it_stopped(world: World, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    world.town.shelf.put("feeds/cmcc/lists/large.parquet", content)
    world.handler.broken["large.parquet"] = 3
    source = HttpSource(f"{world.url}/api/v1/feeds/cmcc", KEY)
    source.download("lists/large.parquet", tmp_path / "large", size=len(content))
    assert (tmp_path / "large").read_bytes() == content
    ranges = [wanted for path, wanted in world.handler.asked if path.endswith("large.parquet")]
    starts = [int(wanted.removeprefix("bytes=").removesuffix("-") or 0) for wanted in ranges]
    assert starts == sorted(set(starts))
    assert len(starts) == 4
    world.handler.broken["large.parquet"] = 99
    (tmp_path / "large").write_bytes(content[:1000])
    with pytest.raises(UnavailableError):
        source.download("lists/large.parquet", tmp_path / "large", size=len(content))
    assert (tmp_path / "large").stat().st_size > 1000
    source.close()


def test_the_root_is_needed_once_and_cannot_be_exchanged(world: World) -> None:
    source = HttpSource(f"{world.url}/api/v1/feeds/cmcc", KEY)
    with pytest.raises(FeedError) as caught:
        follow_once(source, world.state, world.town.clock, party="cmcc")
    source.close()
    assert caught.value.code == "no_root"
    world.follow()
    other = roots.make_root(SigningKeys.from_seeds(b"x" * 32, b"y" * 32), world.town.clock.now())
    assert world.refusal(root=other) == "another_root"
    assert world.follow().edition == 1


def test_a_follower_that_was_away_for_weeks_ends_where_all_others_are(world: World, tmp_path: Path) -> None:
    world.follow()
    for week in range(4):
        world.town.clock.advance(days=6)
        world.publish((world.place(week), Preference(week + 1, 0, 0, 0)))
    world.follow()
    fresh = World(world.town, tmp_path / "fresh", world.url, world.handler)
    fresh.follow()
    assert fresh.mirror().content_root == world.mirror().content_root


def test_an_acknowledgement_that_was_not_heard_is_said_again(world: World) -> None:
    world.handler.broken["acknowledgements"] = 1
    done = world.follow()
    assert (done.edition, done.acknowledged) == (1, False)
    assert world.follow().acknowledged


def buckets(world: World) -> list[Path]:
    return [path for path in sorted(world.state.list.iterdir()) if len(path.name) == 35]


def flip(world: World) -> None:
    bucket = buckets(world)[0]
    content = bytearray(bucket.read_bytes())
    content[-1] ^= 0xFF
    bucket.write_bytes(bytes(content))


def drop(world: World) -> None:
    buckets(world)[0].unlink()


def scribble(world: World) -> None:
    (world.state.list / "state.json").write_bytes(b'{"edition": ')


@pytest.mark.parametrize("damage", [flip, drop, scribble], ids=["altered bucket", "lost bucket", "broken state"])
def test_a_damaged_list_is_noticed_at_the_start_and_mended(
    world: World, damage: Callable[[World], None]
) -> None:
    world.follow()
    damage(world)
    done = world.follow(verify=True)
    assert (done.repaired, done.edition, done.agrees) == (True, 1, True)
    assert contents(world.town, world.mirror(), "cmcc", PLACES) == truth(world.town, "cmcc", PLACES)


def test_a_list_that_drifted_is_noticed_by_its_root_and_mended(world: World) -> None:
    world.follow()
    mirror = world.mirror()
    gone = editions.record_array([_first_tag(mirror)], [0], [0], [0], [0])
    mirror.apply(gone, edition=1)
    world.publish((world.place(5), NOTHING))
    done = world.follow()
    assert (done.repaired, done.edition, done.agrees) == (True, 2, True)
    assert contents(world.town, world.mirror(), "cmcc", PLACES) == truth(world.town, "cmcc", PLACES)


def _first_tag(mirror: Mirror) -> int:
    name = next(mirror.state.bucket_name(number) for number in range(256) if mirror.state.counts[number])
    return int.from_bytes((mirror.folder / name).read_bytes()[:8], "big")


def test_a_damaged_file_of_keys_is_fetched_again(world: World) -> None:
    world.follow()
    (world.state.folder / "list-keys.json").write_bytes(b"{")
    world.follow()
    assert not Lookup.open(world.state).decide(Number(1, world.town.digits[world.place()]), at=TEN).allow


def command(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_commands_follow_look_up_and_refuse_with_one_line(world: World, tmp_path: Path) -> None:
    world.town.clock.moment = datetime.now().astimezone()
    publish_once(world.town)
    key, root, state = tmp_path / "key", tmp_path / "root.json", tmp_path / "cli"
    key.write_text(KEY + "\n")
    root.write_bytes(world.root() + b"\n")
    url = f"{world.url}/api/v1/feeds/cmcc"
    follow = ("follow", url, "--state", state, "--key-file", key)
    code, out, err = command(*follow)
    assert (code, out) == (1, "")
    assert err == "The trusted root is needed the first time: --root FILE. [no_root]\n"
    code, out, err = command(*follow, "--root", root)
    assert (code, err) == (0, "")
    assert out.startswith("edition 0 -> 1: ")
    assert "acknowledged" in out
    number = f"+{world.town.digits[world.place()]}"
    code, out, err = command("lookup", state, number, "--category", "loan", "--at", "2026-11-23T10:00")
    assert (code, err) == (0, "")
    assert out.startswith("block: everything_declined, rule 49(7), rulebook 2026, edition 1")
    code, out, _ = command("lookup", state, number, "--json", "--content", "service")
    assert json.loads(out)["reason"] == "service"
    for wrong in (("--channel", "smoke"), ("--category", "x"), ("--at", "noon")):
        assert command("lookup", state, number, *wrong)[0] == 2
    assert command("lookup", state, "12")[0] == 2
    assert command("lookup", tmp_path / "none", number)[0] == 1
    world.town.shelf.delete("feeds/cmcc/metadata/timestamp.json")
    code, out, err = command(*follow)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err == "Nothing has been published for this feed yet. [no_feed]\n"
