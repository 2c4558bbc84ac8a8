"""Key epochs: begun, run beside each other, kept, destroyed for good."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry import audit, epochs
from registry.errors import ConflictError, SettingsError, UnavailableError
from registry.keys import KeyRing
from registry.outside import keyfile
from registry.settings import KeySettings
from registry.store import Store
from tests.doubles import FakeClock

SETTINGS = KeySettings()


def ring_in(folder: Path, environ: dict[str, str] | None = None) -> KeyRing:
    keyfile.create(folder, environ or {})
    return keyfile.load(folder, environ or {})[0]


def states(store: Store, clock: FakeClock) -> list[tuple[int, str]]:
    return [(each.epoch, each.state) for each in epochs.all_of(store, clock, SETTINGS)]


def test_an_epoch_goes_from_current_to_destroyed(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    ring = ring_in(tmp_path)
    other = keyfile.load(tmp_path, {})[0]  # another process
    first, at_rest = ring.list_key("cmcc"), ring.at_rest
    assert states(store, clock) == [(1, "current")]
    began = epochs.rotate(store, clock, ring, SETTINGS, actor="member:x")
    assert (began.epoch, began.state, began.began) == (2, "current", clock.now())
    assert (tmp_path / "master-2.key").stat().st_mode & 0o777 == 0o600
    assert ring.list_key("cmcc", 2) != first
    assert epochs.must_be_held(store, other) == 2
    assert store.editions.anything_pending()
    assert store.webhooks.told("key.rotated") == 2
    assert epochs.published(store, clock, SETTINGS) == (2, 1)
    clock.advance(days=7)
    assert states(store, clock) == [(1, "retained"), (2, "current")]
    assert epochs.published(store, clock, SETTINGS) == (2,)
    assert epochs.destroy_due(store, clock, ring, SETTINGS) == 0
    clock.advance(days=23)
    assert states(store, clock) == [(1, "over"), (2, "current")]
    assert epochs.destroy_due(store, clock, ring, SETTINGS) == 1
    assert states(store, clock) == [(1, "destroyed"), (2, "current")]
    assert epochs.destroy_due(store, clock, ring, SETTINGS) == 0
    assert not (tmp_path / "master-1.key").exists()
    other.look_again()
    assert sorted(other.masters) == [2]
    assert (other.at_rest, keyfile.load(tmp_path, {})[0].at_rest) == (at_rest, at_rest)
    said = [(entry.action, entry.subject, entry.actor) for entry in reversed(audit.entries(store))]
    assert said == [
        ("key_epoch_began", "key_epoch:2", "member:x"), ("key_epoch_destroyed", "key_epoch:1", "clockwork"),
    ]
    assert audit.verify(store) == (2, None)


def test_a_third_epoch_waits_until_the_overlap_is_over(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    ring = ring_in(tmp_path)
    epochs.rotate(store, clock, ring, SETTINGS)
    clock.advance(days=6)
    with pytest.raises(ConflictError) as caught:
        epochs.rotate(store, clock, ring, SETTINGS)
    assert caught.value.code == "overlap_runs"
    assert "2026-11-30" in caught.value.detail
    assert not (tmp_path / "master-3.key").exists()
    clock.advance(days=1)
    assert epochs.rotate(store, clock, ring, SETTINGS).epoch == 3
    assert states(store, clock) == [(1, "retained"), (2, "overlap"), (3, "current")]


def test_without_an_overlap_the_old_epoch_ends_at_once(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    settings, ring = KeySettings(overlap_days=0), ring_in(tmp_path)
    for epoch in (2, 3):
        assert epochs.rotate(store, clock, ring, settings).epoch == epoch
    assert epochs.published(store, clock, settings) == (3,)


def test_a_rotation_that_was_killed_goes_on_with_the_master_it_had_made(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    ring = ring_in(tmp_path)
    assert ring.source is not None
    ring.source.make(2)
    left = (tmp_path / "master-2.key").read_bytes()
    assert epochs.must_be_held(store, ring) == 1
    epochs.rotate(store, clock, ring, SETTINGS)
    assert (tmp_path / "master-2.key").read_bytes() == left


def test_masters_in_the_environment_are_used_but_cannot_be_destroyed(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    environ = {"DECLINE_CALL_MASTER_1": "ab" * 32, "DECLINE_CALL_MASTER_2": "cd" * 32}
    ring = ring_in(tmp_path, environ)
    epochs.rotate(store, clock, ring, SETTINGS)
    assert not list(tmp_path.glob("master-*"))
    assert ring.list_key("x", 2) == KeyRing({2: bytes.fromhex("cd" * 32)}).list_key("x", 2)
    clock.advance(days=31)
    for _ in range(2):  # said again until somebody has done it
        with pytest.raises(UnavailableError) as caught:
            epochs.destroy_due(store, clock, ring, SETTINGS)
        assert caught.value.code == "master_in_environment"
    assert states(store, clock) == [(1, "destroyed"), (2, "current")]
    del environ["DECLINE_CALL_MASTER_1"]
    assert epochs.destroy_due(store, clock, ring, SETTINGS) == 0


def test_a_master_that_comes_back_from_a_backup_is_destroyed_again(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    ring = ring_in(tmp_path)
    backup = (tmp_path / "master-1.key").read_bytes()
    epochs.rotate(store, clock, ring, SETTINGS)
    clock.advance(days=31)
    epochs.destroy_due(store, clock, ring, SETTINGS)
    (tmp_path / "master-1.key").write_bytes(backup)
    (tmp_path / "master-1.key").chmod(0o600)
    epochs.destroy_due(store, clock, ring, SETTINGS)
    assert not (tmp_path / "master-1.key").exists()


def test_a_ring_without_a_folder_cannot_begin_an_epoch(store: Store, clock: FakeClock) -> None:
    with pytest.raises(SettingsError) as caught:
        epochs.rotate(store, clock, KeyRing({1: bytes(32)}), SETTINGS)
    assert caught.value.code == "no_master"
    assert states(store, clock) == [(1, "current")]
