"""The key ring, its derivation, and the key files of an instance."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Root

from registry.errors import SettingsError
from registry.keys import PURPOSES, KeyRing, SigningKeys, signer
from registry.outside import keyfile
from registry.roots import make_root

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "tags.json").read_text())
MASTER = bytes.fromhex(VECTORS["master_key"])
ANOTHER = "ab" * 32
NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize("name", ["list_key", "at_rest_key"])
def test_derived_keys_are_those_of_the_golden_vectors(name: str) -> None:
    wanted = VECTORS[name]
    ring = KeyRing(masters={1: MASTER, 7: MASTER})
    assert ring.derive(wanted["purpose"], wanted["scope"], wanted["epoch"]).hex() == wanted["key"]


def test_the_named_keys_are_derived_for_their_purpose() -> None:
    ring = KeyRing(masters={1: MASTER, 7: MASTER})
    assert ring.at_rest.hex() == VECTORS["at_rest_key"]["key"]
    assert ring.list_key("cmcc").hex() == VECTORS["list_key"]["key"]
    assert ring.list_key("cmcc", 1) != ring.list_key("cmcc", 7)


def test_every_purpose_scope_and_epoch_has_a_key_of_its_own() -> None:
    ring = KeyRing(masters={1: MASTER, 2: MASTER})
    keys = {ring.derive(*of) for of in product(PURPOSES, ("a", "ab", "b"), (1, 2))}
    assert len(keys) == len(PURPOSES) * 6


def test_what_is_stored_stays_sealed_under_one_master_whatever_epochs_come_and_go() -> None:
    assert KeyRing(masters={1: MASTER}).at_rest == KeyRing(masters={1: MASTER, 2: bytes(32)}).at_rest
    with pytest.raises(SettingsError) as refused:
        _ = KeyRing(masters={2: MASTER}).at_rest
    assert refused.value.code == "no_master"
    apart = KeyRing(masters={2: MASTER}, storage=bytes(32))
    assert apart.at_rest == KeyRing(masters={1: bytes(32)}).at_rest
    for purpose in set(PURPOSES) - {"list-tag"}:
        assert apart.derive(purpose, "x") == KeyRing(masters={1: bytes(32)}).derive(purpose, "x", 1)
    assert apart.list_key("cmcc", 2) == KeyRing(masters={1: bytes(32), 2: MASTER}).list_key("cmcc", 2)


def test_a_key_ring_never_shows_its_masters() -> None:
    ring = KeyRing(masters={1: MASTER})
    assert MASTER.hex() not in repr(ring)
    assert repr(MASTER)[2:-1] not in repr(ring)


def test_nonsense_masters_and_purposes_are_refused() -> None:
    for masters in ({}, {0: MASTER}, {1: MASTER[:16]}):
        with pytest.raises(ValueError, match="masters"):
            KeyRing(masters=masters)
    with pytest.raises(ValueError, match="purpose"):
        KeyRing(masters={1: MASTER}).derive("tea", "registry")


def test_key_files_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keyfile.create(folder, {})
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    keyfile.create(folder, {})
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {"storage.key", "master-1.key", "feed-root.key", "feed-online.key", "receipt.key"}
    assert len(set(before.values())) == 5
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_loaded_keys_are_those_of_the_files_and_sign(tmp_path: Path) -> None:
    keyfile.create(tmp_path / "keys", {})
    ring, signing = keyfile.load(tmp_path / "keys", {})
    again, signing_again = keyfile.load(tmp_path / "keys", {})
    assert ring.epoch == 1
    assert ring.at_rest == again.at_rest
    assert ring.at_rest != signing.root.private_bytes[-32:]
    assert signing.online.public_key.keyid == signing_again.online.public_key.keyid
    assert signing.online.public_key.keyid != signing.root.public_key.keyid
    signing.online.public_key.verify_signature(signing_again.online.sign(b"feed"), b"feed")


def test_a_master_in_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    keyfile.create(tmp_path / "keys", {})
    environ = {"DECLINE_CALL_MASTER_1": ANOTHER, "DECLINE_CALL_MASTER_2": "cd" * 32, "PATH": "/"}
    ring, _ = keyfile.load(tmp_path / "keys", environ)
    assert ring.epoch == 2
    assert ring.list_key("cmcc", 1) == KeyRing(masters={1: bytes.fromhex(ANOTHER)}).list_key("cmcc")
    stored, _ = keyfile.load(tmp_path / "keys", {**environ, "DECLINE_CALL_STORAGE": "ef" * 32})
    assert stored.at_rest == KeyRing(masters={1: bytes.fromhex("ef" * 32)}).at_rest


def test_no_master_file_is_made_where_the_environment_has_one(tmp_path: Path) -> None:
    keyfile.create(tmp_path / "keys", {"DECLINE_CALL_MASTER_1": ANOTHER})
    assert not (tmp_path / "keys" / "master-1.key").exists()
    with pytest.raises(SettingsError) as refused:
        keyfile.load(tmp_path / "keys", {})
    assert refused.value.code == "no_master"


@pytest.mark.parametrize("name", ["storage.key", "master-1.key", "feed-root.key", "feed-online.key", "receipt.key"])
def test_a_key_file_that_others_can_read_stops_the_start(tmp_path: Path, name: str) -> None:
    keyfile.create(tmp_path / "keys", {})
    (tmp_path / "keys" / name).chmod(0o640)
    with pytest.raises(SettingsError) as refused:
        keyfile.load(tmp_path / "keys", {})
    assert refused.value.code == "key_exposed"
    assert name in refused.value.detail


@pytest.mark.parametrize("content", ["", "zz" * 32, "ab" * 31, "ab" * 33])
def test_a_malformed_key_is_refused_without_repeating_it(tmp_path: Path, content: str) -> None:
    keyfile.create(tmp_path / "keys", {})
    (tmp_path / "keys" / "master-1.key").write_text(content)
    with pytest.raises(SettingsError) as refused:
        keyfile.load(tmp_path / "keys", {})
    assert refused.value.code == "bad_key"
    assert not content or content not in refused.value.detail


@pytest.mark.parametrize(("name", "value"), [("DECLINE_CALL_MASTER_1", "abc"), ("DECLINE_CALL_MASTER_x", ANOTHER)])
def test_a_malformed_variable_is_refused_by_name(tmp_path: Path, name: str, value: str) -> None:
    keyfile.create(tmp_path / "keys", {})
    with pytest.raises(SettingsError) as refused:
        keyfile.load(tmp_path / "keys", {name: value})
    assert name in refused.value.detail
    assert value not in refused.value.detail


def test_a_missing_key_file_and_a_folder_that_cannot_be_made_are_said_clearly(tmp_path: Path) -> None:
    keyfile.create(tmp_path / "keys", {})
    (tmp_path / "keys" / "feed-online.key").unlink()
    with pytest.raises(SettingsError) as refused:
        keyfile.load(tmp_path / "keys", {})
    assert refused.value.code == "no_key"
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError) as refused:
        keyfile.create(tmp_path / "file" / "keys", {})
    assert refused.value.code == "keys_unwritable"


def test_an_instance_from_before_epochs_keeps_its_first_master_for_what_is_stored(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keyfile.create(folder, {})
    (folder / "storage.key").unlink()
    with pytest.raises(SettingsError) as refused:  # lost: it is never made anew
        keyfile.create(folder, {})
        keyfile.load(folder, {})
    assert (refused.value.code, "storage.key" in refused.value.detail) == ("no_key", True)
    keyfile.create(folder, {}, older=True)
    ring, _ = keyfile.load(folder, {})
    assert ring.at_rest == KeyRing(masters={1: ring.masters[1]}).at_rest
    assert (folder / "storage.key").stat().st_mode & 0o777 == 0o600


def test_a_first_master_in_the_environment_serves_for_what_is_stored_where_nothing_else_does(tmp_path: Path) -> None:
    environ = {"DECLINE_CALL_MASTER_1": ANOTHER}
    keyfile.create(tmp_path / "keys", environ, older=True)
    assert not (tmp_path / "keys" / "storage.key").exists()
    assert keyfile.load(tmp_path / "keys", environ)[0].at_rest == KeyRing({1: bytes.fromhex(ANOTHER)}).at_rest
    keyfile.create(tmp_path / "new", environ)
    assert keyfile.load(tmp_path / "new", environ)[0].at_rest != KeyRing({1: bytes.fromhex(ANOTHER)}).at_rest


def test_masters_that_come_and_go_are_seen_without_a_restart(tmp_path: Path) -> None:
    keyfile.create(tmp_path / "keys", {})
    ring, _ = keyfile.load(tmp_path / "keys", {"DECLINE_CALL_MASTER_3": ANOTHER})
    assert ring.source is not None
    at_rest = ring.at_rest
    for epoch in (2, 2, 3):
        ring.source.make(epoch)
    ring.look_again()
    assert sorted(ring.masters) == [1, 2, 3]
    path = tmp_path / "keys" / "master-1.key"
    content = path.read_bytes()
    second = path.with_name("left.key")
    second.hardlink_to(path)  # what a disk may still hold of a file that is unlinked
    assert ring.source.destroy(1)
    assert ring.source.destroy(1)
    assert not ring.source.destroy(3)
    ring.look_again()
    assert sorted(ring.masters) == [2, 3]
    assert not path.exists()
    assert second.read_bytes() != content
    assert ring.at_rest == keyfile.load(tmp_path / "keys", {})[0].at_rest == at_rest


def test_the_root_key_may_be_kept_elsewhere_and_the_newest_online_key_that_counts_signs(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keyfile.create(folder, {})
    _, signing = keyfile.load(folder, {})
    root = Metadata[Root].from_bytes(make_root(signing, NOW)).signed
    (folder / "feed-root.key").unlink()
    added = keyfile.new_key(folder / "feed-online-2.key")
    signing.look_again()
    assert signing.root is None
    assert signing.online.public_key.keyid == signer(added).public_key.keyid
    assert signing.under(root).online.public_key.keyid == signing.others[0].public_key.keyid
    with pytest.raises(SettingsError) as refused:
        SigningKeys.from_seeds(None, b"z" * 32).under(root)
    assert refused.value.code == "no_online_key"
    with pytest.raises(SettingsError) as refused:
        make_root(signing, NOW)
    assert refused.value.code == "no_root_key"
    with pytest.raises(SettingsError) as refused:
        keyfile.new_key(folder / "feed-online-2.key")
    assert refused.value.code == "key_exists"


def test_a_new_receipt_key_signs_and_the_older_ones_are_kept(tmp_path: Path) -> None:
    keyfile.create(tmp_path / "keys", {})
    first = keyfile.receipt_seeds(tmp_path / "keys")
    assert len(first) == 1
    for number in (2, 3):
        assert keyfile.new_receipt_key(tmp_path / "keys").name == f"receipt-{number}.key"
    seeds = keyfile.receipt_seeds(tmp_path / "keys")
    assert (len(set(seeds)), seeds[-1]) == (3, first[0])
