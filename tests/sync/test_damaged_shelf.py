"""Files on the shelf that somebody deleted or altered: each is named, and a command brings the feed back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from registry import roots
from registry.errors import ConflictError, FeedError, NotFoundError, RegistryError, UnavailableError
from registry.preferences import Preference
from registry.settings import PublishSettings, Settings
from sync import feed, inspection, mark, recovery, rolling
from sync.compare import compare_base
from sync.publish import publish_once
from tests.sync.town import Carrier, Town, assert_all_follow, contents, index_of, truth

PLACES = 30
BOTH = ("cmcc", "all")


@pytest.fixture
def followed(small_town: Town, tmp_path: Path) -> Town:
    """A town at edition 4, whose carriers have followed up to edition 3."""
    town = small_town
    town.load(PLACES)
    for edition in range(1, 5):
        publish_once(town)
        if edition == 3:
            for party in BOTH:
                Carrier(town, party, tmp_path / f"follower-{party}").follow()
        town.clock.advance(61)
        for place in range(edition, edition + 8):
            town.decline(place, Preference(edition, 0, 0, 0))
    return town


def name_of(town: Town, what: str) -> str:
    head = feed.read_head(town.shelf, "all", roots.newest_root(town.shelf))
    assert head is not None
    files = {file.kind: file for file in head.index.files}
    return {
        "pointer": "feeds/all/metadata/timestamp.json",
        "snapshot": f"feeds/all/metadata/{head.snapshot.version}.snapshot.json",
        "targets": f"feeds/all/metadata/{head.targets.version}.targets.json",
        "index": f"feeds/all/{head.index_name}",
        "full list": f"feeds/all/lists/{files['full'].parts[0].name}",
        "delta": f"feeds/all/lists/{files['delta'].parts[0].name}",
        "root in the feed": "feeds/all/metadata/1.root.json",
        "root": "trust/1.root.json",
        "base": f"base/{rolling.newest(town)[1][0].name}",
    }[what]


def lose(town: Town, name: str) -> None:
    town.shelf.delete(name)


def alter(town: Town, name: str) -> None:
    content = bytearray(town.shelf.files[name])
    content[len(content) // 2] ^= 1
    town.shelf.files[name] = bytes(content)


def empty(town: Town, name: str) -> None:
    town.shelf.files[name] = b""


def looked(town: Town) -> list[str]:
    return [f"{found.name} | {found.cure}" for found in inspection.look(town, keep=lambda: None)[1]]


def rebuild(town: Town, party: str = "all") -> None:
    recovery.rebuild_feed(town, party, keep=lambda: None, actor="test")


@pytest.mark.parametrize("damage", [lose, alter], ids=["lost", "altered"])
@pytest.mark.parametrize("what", ["pointer", "snapshot", "targets", "index", "full list", "delta", "root in the feed"])
def test_a_feed_with_a_damaged_file_is_named_and_begins_anew_by_command(
    followed: Town, tmp_path: Path, what: str, damage: Callable[[Town, str], None]
) -> None:
    town = followed
    assert looked(town) == []
    name = name_of(town, what)
    damage(town, name)
    (found,) = looked(town)
    cure = "shelf mend" if "root" in what else "feed rebuild all"
    assert found.endswith(f"decline-sync {cure}")
    assert found.startswith("feeds/all/")
    if what in {"pointer", "snapshot", "targets", "index"}:
        before = {each: town.shelf.files[each] for each in town.shelf.names("feeds/all/")}
        with pytest.raises(UnavailableError) as caught:
            publish_once(town)
        assert "decline-sync feed rebuild all" in caught.value.detail
        assert {each: town.shelf.files[each] for each in town.shelf.names("feeds/all/")} == before
        assert index_of(town, "cmcc").newest == 5
    rebuild(town)
    assert_all_follow(town, tmp_path, PLACES, BOTH)
    assert looked(town) == []
    town.decline(0, Preference(0, 0, 0, 99))
    town.clock.advance(61)
    publish_once(town)
    assert_all_follow(town, tmp_path, PLACES, BOTH)
    assert [file.kind for file in index_of(town, "all").files] == ["full", "delta"]


def test_a_feed_that_is_gone_whole_is_not_taken_for_a_new_one(followed: Town, tmp_path: Path) -> None:
    town = followed
    carrier = Carrier(town, "all", tmp_path / "follower-all")
    edition = carrier.follow().edition
    for name in list(town.shelf.names("feeds/all/")):
        town.shelf.delete(name)
    with pytest.raises(UnavailableError):
        publish_once(town)
    assert not list(town.shelf.names("feeds/all/"))
    rebuild(town)
    mirror = carrier.follow()
    assert mirror.edition > edition
    assert contents(town, mirror, "all", PLACES) == truth(town, "all", PLACES)


def test_a_feed_that_was_put_back_from_a_backup_is_not_gone_on_with(followed: Town, tmp_path: Path) -> None:
    town = followed
    old = {name: town.shelf.files[name] for name in town.shelf.names("feeds/all/")}
    publish_once(town)
    Carrier(town, "all", tmp_path / "follower-all").follow()
    town.shelf.files.update(old)
    town.decline(2, Preference(7, 7, 7, 0))
    with pytest.raises(UnavailableError) as caught:
        publish_once(town)
    assert "feed rebuild all" in caught.value.detail
    assert any("is older than edition 5" in str(found) for found in inspection.look(town, keep=lambda: None)[1])
    rebuild(town)
    assert_all_follow(town, tmp_path, PLACES, BOTH)


@pytest.mark.parametrize("damage", [lose, alter], ids=["lost", "altered"])
def test_a_damaged_base_is_named_and_made_anew_from_the_tables(
    followed: Town, tmp_path: Path, damage: Callable[[Town, str], None]
) -> None:
    town = followed
    damage(town, name_of(town, "base"))
    (found,) = looked(town)
    assert found.endswith("decline-sync base rebuild")
    town.settings = Settings(publish=PublishSettings(base_changes=1))
    with pytest.raises(UnavailableError) as caught:
        publish_once(town)
    assert "decline-sync base rebuild" in caught.value.detail
    with pytest.raises(FeedError) as damaged:
        rolling.check(town, rolling.newest(town)[1])
    assert damaged.value.code == "base_damaged"
    assert recovery.rebuild_base(town, keep=lambda: None, actor="test") == PLACES
    assert looked(town) == []
    town.clock.advance(days=8)
    town.decline(3, Preference(9, 0, 0, 0))
    publish_once(town)
    assert sum(file.kind == "full" for file in index_of(town, "all").files) == 2
    assert_all_follow(town, tmp_path, PLACES, BOTH)


def test_a_base_made_in_slices_is_the_base_that_was(followed: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town = followed
    publish_once(town)
    town.settings = Settings(publish=PublishSettings(rows_per_part=7))
    monkeypatch.setattr(recovery, "SLICE", 10)
    assert recovery.rebuild_base(town, keep=lambda: None, actor="test") == PLACES
    assert len(rolling.newest(town)[1]) > 4
    town.decline(1, Preference(0, 5, 0, 0))
    publish_once(town)
    assert compare_base(town, keep=lambda: None) == PLACES


@pytest.mark.parametrize("damage", [lose, alter, empty], ids=["lost", "altered", "emptied"])
def test_the_trusted_root_is_never_made_anew_but_brought_back(
    followed: Town, tmp_path: Path, damage: Callable[[Town, str], None]
) -> None:
    town = followed
    root = town.shelf.get("trust/1.root.json")
    damage(town, "trust/1.root.json")
    with pytest.raises(FeedError) as caught:
        publish_once(town)
    assert caught.value.code == "root_damaged"
    assert looked(town)[0].endswith("decline-sync shelf mend")
    alter(town, "feeds/all/metadata/1.root.json")
    mended = recovery.mend_all_roots(town, actor="test")
    assert mended == ["trust/1.root.json", "feeds/all/metadata/1.root.json"]
    assert town.shelf.get("trust/1.root.json") == root
    assert looked(town) == []
    publish_once(town)
    assert_all_follow(town, tmp_path, PLACES, BOTH)


def test_a_root_that_a_stranger_signed_is_not_brought_back(followed: Town) -> None:
    from registry.keys import SigningKeys

    town, stranger = followed, SigningKeys.from_seeds(b"x" * 32, b"y" * 32)
    town.shelf.delete("trust/1.root.json")
    for party in BOTH:
        town.shelf.put(f"feeds/{party}/metadata/1.root.json", roots.make_root(stranger, town.clock.now()))
    with pytest.raises(FeedError):
        recovery.mend_all_roots(town, actor="test")
    assert town.shelf.size("trust/1.root.json") is None


def test_a_mark_that_is_lost_is_named_and_written_again(followed: Town) -> None:
    town = followed
    town.shelf.put(mark.NAME, b"{")
    assert looked(town) == ["editions/newest.json | the next edition writes it again"]
    publish_once(town)
    assert looked(town) == []
    assert mark.read(town.shelf) == 5


def test_the_clockwork_reads_every_file_once_a_day(followed: Town) -> None:
    town, names, hours = followed, set(), []
    for name in town.shelf.names("feeds/"):
        if "/lists/" in name:
            alter(town, name)
            names.add(name)
    for _ in range(24):
        town.clock.advance(hours=1)
        _, found = inspection.look(town, keep=lambda: None, share=town.clock.now().hour)
        hours.append(len(found))
    assert sum(hours) == len(names)
    assert max(hours) < len(names)
    with pytest.raises(ConflictError) as caught:
        for _ in range(24):
            town.clock.advance(hours=1)
            inspection.inspect(town, keep=lambda: None)
    assert caught.value.code == "shelf_damaged"


def test_a_feed_of_nobody_is_not_rebuilt_and_others_failures_do_not_matter(followed: Town, tmp_path: Path) -> None:
    town = followed
    with pytest.raises(NotFoundError):
        rebuild(town, "nobody")
    for party in BOTH:
        lose(town, f"feeds/{party}/metadata/timestamp.json")
    rebuild(town, "cmcc")
    assert_all_follow(town, tmp_path, PLACES, ("cmcc",))
    with pytest.raises(RegistryError):
        publish_once(town)
    rebuild(town, "all")
    assert_all_follow(town, tmp_path, PLACES, BOTH)
