"""A recipient's feed as a TUF repository: written in order, read back, renewed, tidied, refused where it is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Root

from registry import editions, roots
from registry.errors import FeedError
from registry.keys import SigningKeys
from sync import feed, trust
from sync.source import ShelfSource
from tests.doubles import FakeClock, MemoryShelf

SIGNING = SigningKeys.from_seeds(b"r" * 32, b"o" * 32)
STRANGER = SigningKeys.from_seeds(b"x" * 32, b"y" * 32)
POINTER = "feeds/cmcc/metadata/timestamp.json"


def index(newest: int, recipient: str = "cmcc", lists: int = 0) -> editions.FeedIndex:
    part = editions.FeedPart(1, 900, f"{lists:064x}")
    files = (editions.FeedFile("full", 0, newest, 1, (part,)),) if lists else ()
    return editions.FeedIndex(recipient=recipient, algorithm="aes-cmac-64", epoch=1, newest=newest, files=files)


def publish(
    shelf: MemoryShelf, clock: FakeClock, newest: int, signing: SigningKeys = SIGNING, lists: int = 0
) -> feed.Head:
    party = "cmcc"
    roots.trusted_root(shelf, signing, clock.now())
    feed.bring_roots(shelf, party)
    root = roots.newest_root(shelf)
    head = feed.read_head(shelf, party, root)
    put(shelf, feed.advance(head, index(newest, lists=lists), signing, clock.now(), hours=24), party)
    found = feed.read_head(shelf, party, root)
    assert found is not None
    return found


def put(shelf: MemoryShelf, files: dict[str, bytes], party: str = "cmcc") -> None:
    for name, content in files.items():
        shelf.put(feed.place(party, name), content)


def follow(shelf: MemoryShelf, clock: FakeClock, folder: Path, root: bytes | None = None) -> trust.Trusted:
    root = root or shelf.get("trust/1.root.json")
    return trust.newest(ShelfSource(shelf, "cmcc"), folder, root, clock.now(), recipient="cmcc")


def refusal(shelf: MemoryShelf, clock: FakeClock, folder: Path, root: bytes | None = None) -> str:
    with pytest.raises(FeedError) as caught:
        follow(shelf, clock, folder, root)
    return caught.value.code


def test_a_feed_is_believed_from_its_root_to_its_index(shelf: MemoryShelf, clock: FakeClock, tmp_path: Path) -> None:
    for newest in (3, 4, 9):
        head = publish(shelf, clock, newest)
        trusted = follow(shelf, clock, tmp_path)
        assert trusted.index == head.index == index(newest)
        assert trusted.expires == clock.now() + timedelta(hours=24)
        clock.advance(hours=1)
    assert (head.targets.version, head.snapshot.version, head.timestamp.version) == (3, 3, 3)


def test_the_pointer_is_written_last_and_everything_else_has_a_name_of_its_own(
    shelf: MemoryShelf, clock: FakeClock
) -> None:
    head = publish(shelf, clock, 1)
    files = list(feed.advance(head, index(2), SIGNING, clock.now(), hours=24))
    assert files[-1] == "metadata/timestamp.json"
    assert not set(files[:-1]) & {name.removeprefix("feeds/cmcc/") for name in shelf.files}


def test_a_feed_stays_as_it_was_until_the_pointer_moves(shelf: MemoryShelf, clock: FakeClock, tmp_path: Path) -> None:
    head = publish(shelf, clock, 1)
    files = feed.advance(head, index(2), SIGNING, clock.now(), hours=24)
    for name, content in files.items():
        assert follow(shelf, clock, tmp_path).index.newest == 1
        shelf.put(feed.place("cmcc", name), content)
    assert follow(shelf, clock, tmp_path).index.newest == 2


def test_what_a_crash_left_behind_the_pointer_is_written_again(
    shelf: MemoryShelf, clock: FakeClock, tmp_path: Path
) -> None:
    head = publish(shelf, clock, 1)
    left = feed.advance(head, index(2), SIGNING, clock.now(), hours=24)
    left.pop("metadata/timestamp.json")
    put(shelf, left)
    clock.advance(60)
    assert publish(shelf, clock, 2).targets.version == 2
    assert follow(shelf, clock, tmp_path).index.newest == 2


def test_renewing_moves_the_pointer_alone_until_the_rest_ends_soon(
    shelf: MemoryShelf, clock: FakeClock, tmp_path: Path
) -> None:
    head = publish(shelf, clock, 1)
    clock.advance(hours=23)
    follow(shelf, clock, tmp_path)
    files = feed.renew(head, SIGNING, clock.now(), hours=24)
    assert list(files) == ["metadata/timestamp.json"]
    put(shelf, files)
    clock.advance(hours=23)
    assert follow(shelf, clock, tmp_path).index.newest == 1
    clock.advance(days=50)
    renewed = feed.read_head(shelf, "cmcc", roots.newest_root(shelf))
    assert renewed is not None
    files = feed.renew(renewed, SIGNING, clock.now(), hours=24)
    assert list(files) == ["metadata/2.targets.json", "metadata/2.snapshot.json", "metadata/timestamp.json"]
    put(shelf, files)
    clock.advance(hours=23)
    assert follow(shelf, clock, tmp_path).index.newest == 1


def test_an_expired_feed_is_refused(shelf: MemoryShelf, clock: FakeClock, tmp_path: Path) -> None:
    publish(shelf, clock, 1)
    clock.advance(hours=24, seconds=1)
    assert refusal(shelf, clock, tmp_path) == "feed_expired"


def test_an_older_feed_is_refused_by_whoever_saw_a_newer_one(
    shelf: MemoryShelf, clock: FakeClock, tmp_path: Path
) -> None:
    publish(shelf, clock, 1)
    old = shelf.files[POINTER]
    publish(shelf, clock, 2)
    follow(shelf, clock, tmp_path / "seen")
    shelf.files[POINTER] = old
    assert refusal(shelf, clock, tmp_path / "seen") == "feed_older"
    assert follow(shelf, clock, tmp_path / "new").index.newest == 1


def test_a_feed_signed_by_another_key_is_refused(shelf: MemoryShelf, clock: FakeClock, tmp_path: Path) -> None:
    root = roots.make_root(SIGNING, clock.now())
    publish(shelf, clock, 1, signing=STRANGER)
    assert refusal(shelf, clock, tmp_path, root) == "feed_foreign_key"


def test_a_feed_of_another_recipient_is_refused(shelf: MemoryShelf, clock: FakeClock, tmp_path: Path) -> None:
    publish(shelf, clock, 1)
    root = roots.newest_root(shelf)
    head = feed.read_head(shelf, "cmcc", root)
    put(shelf, feed.advance(head, index(2, recipient="ctcc"), SIGNING, clock.now(), hours=24))
    assert refusal(shelf, clock, tmp_path) == "feed_foreign"


def altered(content: bytes) -> bytes:
    return content.replace(b'"version":1', b'"version":7').replace(b"cmcc", b"ctcc")


@pytest.mark.parametrize("name", ["timestamp.json", "1.snapshot.json", "1.targets.json", "feed.json"])
@pytest.mark.parametrize(
    ("damage", "code"), [(altered, "feed_altered"), (lambda content: content[: len(content) // 2], "feed_cut")]
)
def test_a_file_that_was_altered_or_cut_is_told_apart(
    shelf: MemoryShelf, clock: FakeClock, tmp_path: Path, name: str, damage: Callable[[bytes], bytes], code: str
) -> None:
    publish(shelf, clock, 1)
    (found,) = (path for path in shelf.files if path.endswith(name))
    shelf.files[found] = damage(shelf.files[found])
    assert refusal(shelf, clock, tmp_path) == code
    with pytest.raises(FeedError) as caught:
        feed.read_head(shelf, "cmcc", roots.newest_root(shelf))
    assert caught.value.code == "feed_damaged"


def test_a_file_that_is_gone_is_noticed(shelf: MemoryShelf, clock: FakeClock, tmp_path: Path) -> None:
    publish(shelf, clock, 1)
    shelf.delete("feeds/cmcc/metadata/1.targets.json")
    assert refusal(shelf, clock, tmp_path) == "feed_incomplete"
    with pytest.raises(FeedError):
        feed.read_head(shelf, "cmcc", roots.newest_root(shelf))


def test_a_root_that_is_none_is_refused(shelf: MemoryShelf, clock: FakeClock, tmp_path: Path) -> None:
    publish(shelf, clock, 1)
    for root in (b"", b"{}", b"not json", shelf.files[POINTER]):
        assert refusal(shelf, clock, tmp_path, root or b" ") == "bad_root"


def test_new_online_keys_are_taken_from_a_new_root(shelf: MemoryShelf, clock: FakeClock, tmp_path: Path) -> None:
    publish(shelf, clock, 1)
    follow(shelf, clock, tmp_path)
    changed = SigningKeys(root=SIGNING.root, online=STRANGER.online)
    shelf.put("trust/2.root.json", roots.make_root(changed, clock.now(), version=2))
    assert feed.bring_roots(shelf, "cmcc") == 1
    root = roots.newest_root(shelf)
    assert root.version == 2
    put(shelf, feed.advance(None, index(2), changed, clock.now(), hours=24))
    assert follow(shelf, clock, tmp_path / "away").index.newest == 2


def test_the_first_root_is_made_once_and_names_both_keys(shelf: MemoryShelf, clock: FakeClock) -> None:
    made = roots.trusted_root(shelf, SIGNING, clock.now())
    clock.advance(days=3)
    assert roots.trusted_root(shelf, SIGNING, clock.now()) == made
    root = Metadata[Root].from_bytes(made).signed
    assert root.consistent_snapshot
    assert {role: len(root.roles[role].keyids) for role in root.roles} == dict.fromkeys(root.roles, 1)
    assert json.loads(made)["signed"]["_type"] == "root"


def test_old_metadata_and_lists_that_nobody_needs_are_found(
    shelf: MemoryShelf, clock: FakeClock, tmp_path: Path
) -> None:
    for newest in range(1, 11):
        shelf.put(feed.place("cmcc", f"lists/{newest:064x}.parquet"), b"list")
        head = publish(shelf, clock, newest, lists=newest)
        clock.advance(60)
    old = feed.unneeded(shelf, "cmcc", head)
    for name in old:
        shelf.delete(name)
    left = [name.removeprefix("feeds/cmcc/") for name in shelf.names("feeds/cmcc/")]
    assert sum(name.startswith("lists/") for name in left) == feed.KEPT
    assert sum(name.endswith(".targets.json") for name in left) == feed.KEPT
    assert sum(name.endswith(".snapshot.json") for name in left) == feed.KEPT
    assert sum(name.startswith("targets/") for name in left) == feed.KEPT
    assert f"lists/{10:064x}.parquet" in left
    assert follow(shelf, clock, tmp_path).index.newest == 10
    assert feed.unneeded(shelf, "cmcc", head) == []
