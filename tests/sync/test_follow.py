"""The carrier's client against a real HTTP server: what it takes, what it refuses, what it answers offline."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from registry import editions, followers, keydelivery
from registry.errors import ConflictError, FeedError, NotAllowedError, NotFoundError, RegistryError, UnavailableError
from registry.keys import SigningKeys
from registry.numbers import Number
from registry.preferences import EVERYTHING, NOTHING, Category, Channel, Preference
from sync import feed
from sync.__main__ import main
from sync.follow import Followed, follow_once
from sync.lookup import Lookup
from sync.mirror import Mirror
from sync.publish import publish_once
from sync.source import HttpSource
from sync.state import StateFolder, Status
from tests.sync.conftest import Town, contents, truth

KEY = "dc_test_key"
PLACES = 24
TEN = datetime.fromisoformat("2026-11-23T10:00:00+08:00")


class Handler(BaseHTTPRequestHandler):
    """The carriers' part of the API, as thin as it can be, over the real use cases."""

    town: Town
    broken: dict[str, int]  # path -> how many more times the connection breaks in the middle
    asked: list[tuple[str, str]]  # path and Range

    def do_GET(self) -> None:
        path = self.path.removeprefix("/api/v1/")
        self.asked.append((path, self.headers.get("Range", "")))
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            return self.answer(401, b"{}")
        if path == "keys":
            found = keydelivery.deliver(self.town.store, self.town.keys, party="cmcc")
            keys = [{"epoch": key.epoch, "wrapped": _base64(key.wrapped)} for key in found]
            algorithm = self.town.settings.publish.algorithm
            return self.answer(200, _json({"epoch": self.town.keys.epoch, "algorithm": algorithm, "keys": keys}))
        try:
            content = self.town.shelf.get(path)
        except NotFoundError:
            return self.answer(404, b"{}")
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        return self.answer(206 if start else 200, content[start:])

    def do_PUT(self) -> None:
        keydelivery.register(self.town.store, self.town.clock, party="cmcc", public_key=self.body()["public_key"])
        self.answer(204, b"")

    def do_POST(self) -> None:
        try:
            agrees = followers.acknowledge(self.town.store, self.town.clock, party="cmcc", **self.body())
        except RegistryError:
            return self.answer(422, b"{}")
        return self.answer(200, _json({"agrees": agrees}))

    def body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        name = self.path.rpartition("/")[2]
        if self.broken.get(name, 0) > 0:
            self.broken[name] -= 1
            content = content[: len(content) // 2]
            self.close_connection = True
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def _json(said: object) -> bytes:
    return json.dumps(said).encode()


def _base64(raw: bytes) -> str:
    import base64

    return base64.b64encode(raw).decode()


class World:
    """A town, the server of its feeds, and one carrier's folder."""

    def __init__(self, town: Town, folder: Path, url: str, handler: type[Handler]) -> None:
        self.town, self.state, self.url, self.handler = town, StateFolder(folder), url, handler
        self.served = [place for place in range(PLACES) if town.carrier(place) == "cmcc"]

    def follow(self, *, verify: bool = False, key: str = KEY, root: bytes | None = None) -> Followed:
        source = HttpSource(f"{self.url}/api/v1/feeds/cmcc", key)
        try:
            given = root or (self.root() if self.state.raw("root.json") is None else None)
            return follow_once(source, self.state, self.town.clock, party="cmcc", root=given, verify=verify)
        finally:
            source.close()

    def root(self) -> bytes:
        return self.town.shelf.get("trust/1.root.json")

    def refusal(self, **how: Any) -> str:
        with pytest.raises(RegistryError) as caught:
            self.follow(**how)
        return caught.value.code

    def publish(self, *changes: tuple[int, Preference]) -> None:
        self.town.clock.advance(61)
        for place, preference in changes:
            self.town.decline(place, preference)
        publish_once(self.town)

    def mirror(self) -> Mirror:
        return Mirror.open(self.state.list)

    def place(self, which: int = 0) -> int:
        """A number that the carrier serves."""
        return self.served[which]


@contextmanager
def serving(town: Town) -> Iterator[tuple[str, type[Handler]]]:
    handler = type("TownHandler", (Handler,), {"town": town, "broken": {}, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def world(small_town: Town, tmp_path: Path) -> Iterator[World]:
    town = small_town
    town.load(PLACES)
    publish_once(town)
    with serving(town) as (url, handler):
        yield World(town, tmp_path / "state", url, handler)


# --- following --------------------------------------------------------------------------------------------------------


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
    assert "timestamp.json" in paths
    assert not any(path.startswith("acknowledgements") for path in paths)


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
    other = feed.make_root(SigningKeys.from_seeds(b"x" * 32, b"y" * 32), world.town.clock.now())
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


# --- refusing ---------------------------------------------------------------------------------------------------------


def index_of(town: Town) -> editions.FeedIndex:
    head = feed.read_head(town.shelf, "cmcc", feed.newest_root(town.shelf))
    assert head is not None
    return head.index


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
    head = feed.read_head(town.shelf, "cmcc", feed.newest_root(town.shelf))
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


# --- repairing --------------------------------------------------------------------------------------------------------


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
def test_a_damaged_list_is_noticed_at_the_start_and_fetched_anew(
    world: World, damage: Callable[[World], None]
) -> None:
    world.follow()
    damage(world)
    done = world.follow(verify=True)
    assert (done.repaired, done.edition, done.agrees) == (True, 1, True)
    assert contents(world.town, world.mirror(), "cmcc", PLACES) == truth(world.town, "cmcc", PLACES)


def test_a_list_that_drifted_is_noticed_by_its_root_and_fetched_anew(world: World) -> None:
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


# --- looking up -------------------------------------------------------------------------------------------------------


def ask(world: World, place: int, **how: Any) -> tuple[bool, str, str]:
    about = {"at": TEN, "category": Category.LOAN, **how}
    found = Lookup.open(world.state).decide(Number(1, world.town.digits[place]), **about)
    return found.allow, found.reason, found.rule


def test_offline_answers_follow_the_rules(world: World) -> None:
    everything, loans, quiet, gone = (world.place(which) for which in range(4))
    nights = Preference(0, 0, 0, 1 << 22)
    world.publish((loans, Preference(1, 0, 0, 0)), (quiet, nights), (gone, NOTHING))
    world.follow()
    assert ask(world, everything) == (False, "everything_declined", "49(7)")
    assert ask(world, loans) == (False, "category_declined", "49(7)")
    assert ask(world, loans, category=Category.TRAVEL)[0]
    assert ask(world, loans, channel=Channel.MESSAGES)[0]
    assert ask(world, quiet)[0]
    assert ask(world, quiet, at=TEN + timedelta(hours=12))[:2] == (False, "quiet_hours")
    assert ask(world, gone) == (True, "no_recorded_will", "34")


def test_exceptions_count_for_their_party_until_their_last_day(world: World) -> None:
    allowed, denied = world.place(0), world.place(1)
    until = int((TEN + timedelta(days=2)).timestamp() * 1_000_000)
    world.town.allow(allowed, "acme", kind=1, until=until)
    world.town.allow(denied, "acme", kind=2)
    world.publish((denied, NOTHING))
    world.follow()
    assert ask(world, allowed, party="acme") == (True, "personal_allow", "40")
    assert ask(world, allowed, party="globex")[1] == "everything_declined"
    assert ask(world, allowed, party="nobody")[1] == "everything_declined"
    assert ask(world, allowed, party="acme", at=TEN + timedelta(days=4))[1] == "everything_declined"
    assert ask(world, denied, party="acme")[1] == "personal_deny"
    assert ask(world, denied)[0]


def test_a_lookup_sees_what_the_follower_brings_when_it_looks_again(world: World) -> None:
    world.follow()
    lookup, number = Lookup.open(world.state), Number(1, world.town.digits[world.place()])
    assert not lookup.decide(number, at=TEN).allow
    world.publish((world.place(), NOTHING))
    world.follow()
    lookup.refresh()
    assert lookup.decide(number, at=TEN).allow
    assert lookup.freshness(world.town.clock.now()).edition == 2


def test_an_expired_list_still_answers_and_says_that_it_is_old(world: World) -> None:
    world.follow()
    lookup = Lookup.open(world.state)
    assert not lookup.freshness(world.town.clock.now()).expired
    assert lookup.freshness(world.town.clock.now() + timedelta(hours=25)).expired
    assert not lookup.decide(Number(1, world.town.digits[world.place()]), at=TEN).allow


def test_without_a_list_there_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        Lookup.open(StateFolder(tmp_path / "nothing"))
    assert caught.value.code == "no_list"


def test_after_a_change_of_epoch_there_is_no_gap(world: World) -> None:
    from registry.keys import KeyRing

    world.follow()
    world.town.keys = KeyRing(masters={1: bytes(range(32)), 2: bytes(range(32, 64))})
    world.publish((world.place(), EVERYTHING), (world.place(1), NOTHING))
    assert not ask(world, world.place())[0]
    done = world.follow()
    assert (done.edition, world.mirror().state.epoch) == (2, 2)
    assert not ask(world, world.place())[0]
    assert ask(world, world.place(1))[0]


# --- the command ------------------------------------------------------------------------------------------------------


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
