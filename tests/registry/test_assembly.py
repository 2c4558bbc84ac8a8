"""An instance folder: prepared once or many times nothing is lost, and one that is not right does not start."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from registry import credentials, parties
from registry.assembly import FIRST_OFFICER, REGULATOR, Registry, assemble, prepare
from registry.errors import RegistryError, SettingsError
from registry.keys import KeyRing, SigningKeys
from registry.numbers import Number
from registry.outside import keyfile
from registry.outside.sms import ConsoleGateway, HttpGateway
from registry.sealing import seal_one
from registry.store import Store
from registry.store.engine import SqliteEngine
from registry.store.schema import MIGRATIONS, migrate
from tests.doubles import FakeClock

MASTER = "DECLINE_CALL_MASTER_1"


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return tmp_path / "instance"


def started(instance: Path, environ: dict[str, str] | None = None) -> Registry:
    return assemble(instance, environ or {})


def refusal(instance: Path, environ: dict[str, str] | None = None) -> RegistryError:
    with pytest.raises(SettingsError) as caught:
        started(instance, environ)
    return caught.value


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def set_store(instance: Path, url: str) -> None:
    instance.mkdir(exist_ok=True)
    (instance / "settings.toml").write_text(f'[store]\nurl = "{url}"\n', encoding="utf-8")


def signed(keys: SigningKeys) -> tuple[bytes, bytes]:
    return keys.root.sign(b"x").signature.encode(), keys.online.sign(b"x").signature.encode()


# preparing


def test_preparing_makes_everything_that_a_registry_needs(instance: Path) -> None:
    prepare(instance, {})
    names = {path.name for path in instance.iterdir()}
    assert {"settings.toml", "keys", "registry.db", "shelf", "inbox", "quarantine", "mirrors"} <= names
    registry = started(instance)
    try:
        row = registry.store.engine.row("SELECT MAX(number) AS newest FROM migration")
        assert row == {"newest": MIGRATIONS[-1].number}
        assert parties.get_party(registry.store, REGULATOR).kind == "regulator"
        assert [m.email for m in registry.store.parties.members(REGULATOR)] == [FIRST_OFFICER]
        assert registry.rulebooks.at(registry.clock.now()).status == "in_force"
    finally:
        registry.close()


def test_preparing_again_keeps_settings_keys_and_data(instance: Path, clock: FakeClock) -> None:
    prepare(instance, {})
    (instance / "settings.toml").write_text("[site]\nport = 8123\n", encoding="utf-8")
    before = started(instance)
    parties.add_party(before.store, clock, party="cmcc", kind="carrier", name_zh="移动", name_en="Mobile")
    before.close()
    files = {path: path.read_bytes() for path in (instance / "keys").iterdir()}
    prepare(instance, {})
    assert {path: path.read_bytes() for path in (instance / "keys").iterdir()} == files
    after = started(instance)
    try:
        assert after.settings.site.port == 8123
        assert after.keys == before.keys
        assert signed(after.signing) == signed(before.signing)
        assert parties.get_party(after.store, "cmcc").kind == "carrier"
        assert [m.email for m in after.store.parties.members(REGULATOR)] == [FIRST_OFFICER]
    finally:
        after.close()


def test_the_first_officer_is_invited_until_the_invitation_is_taken_up(instance: Path) -> None:
    first = prepare(instance, {})
    second = prepare(instance, {})
    assert first
    assert second
    registry = started(instance)
    try:
        credentials.accept_invitation(
            registry.store, registry.clock, registry.settings.site, token=second, password="correct horse 7 battery"
        )
    finally:
        registry.close()
    assert prepare(instance, {}) is None


def test_an_instance_that_was_cut_off_while_it_was_prepared_is_completed(instance: Path, clock: FakeClock) -> None:
    prepare(instance, {})
    registry = started(instance)
    with registry.store.writing():
        registry.store.engine.run("DELETE FROM member")
        registry.store.engine.run("DELETE FROM invitation")
    registry.close()
    assert prepare(instance, {})


def test_what_lies_in_an_instance_is_nobody_elses(instance: Path) -> None:
    prepare(instance, {})
    assert mode(instance) == mode(instance / "keys") == 0o700
    files = list((instance / "keys").iterdir())
    assert len(files) == 5
    assert {mode(path) for path in files} == {0o600}


def test_a_place_that_cannot_hold_an_instance_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError) as caught:
        prepare(tmp_path / "file" / "instance", {})
    assert caught.value.code == "instance_unwritable"


# starting


def test_a_folder_that_nobody_prepared_does_not_start(tmp_path: Path) -> None:
    assert refusal(tmp_path).code == "not_prepared"
    assert refusal(tmp_path / "nowhere").code == "not_prepared"
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["[site]\nprot = 8000\n", "[sites]\n", "port = 8000\n"])
def test_settings_with_an_unknown_name_stop_the_start(instance: Path, text: str) -> None:
    prepare(instance, {})
    (instance / "settings.toml").write_text(text, encoding="utf-8")
    assert refusal(instance).code == "settings"
    assert "settings.toml, line" in refusal(instance).detail
    with pytest.raises(SettingsError):
        prepare(instance, {})


def test_keys_that_others_can_read_stop_the_start(instance: Path) -> None:
    prepare(instance, {})
    for path in sorted((instance / "keys").iterdir()):
        path.chmod(0o640)
        assert refusal(instance).code == "key_exposed"
        assert path.read_text().strip() not in refusal(instance).detail
        path.chmod(0o600)
    started(instance).close()


@pytest.mark.parametrize(("lost", "code"), [("master-1.key", "no_master"), ("storage.key", "no_key")])
def test_a_key_that_was_lost_stops_the_start_and_is_never_made_anew(instance: Path, lost: str, code: str) -> None:
    prepare(instance, {})
    (instance / "keys" / lost).unlink()
    assert refusal(instance).code == code
    with pytest.raises(SettingsError) as caught:
        prepare(instance, {})
    assert caught.value.code == code
    assert not (instance / "keys" / lost).exists()


def test_keys_that_were_cut_off_while_they_were_made_are_completed(instance: Path) -> None:
    prepare(instance, {})
    master = (instance / "keys" / "master-1.key").read_bytes()
    for names in (["feed-online.key"], ["feed-online.key", "feed-root.key"]):
        for name in names:
            (instance / "keys" / name).unlink()
        prepare(instance, {})
    assert (instance / "keys" / "master-1.key").read_bytes() == master


def test_a_master_in_the_environment_goes_before_the_file(instance: Path) -> None:
    prepare(instance, {})
    registry = started(instance, {MASTER: "ab" * 32})
    registry.close()
    assert registry.keys.masters == {1: bytes.fromhex("ab" * 32)}


def test_with_a_master_in_the_environment_none_is_written(instance: Path) -> None:
    prepare(instance, {MASTER: "ab" * 32})
    assert {path.name for path in (instance / "keys").iterdir()} == {
        "storage.key", "feed-root.key", "feed-online.key", "receipt.key",
    }
    assert refusal(instance).code == "no_master"


def test_an_instance_from_before_epochs_goes_on_with_the_key_that_its_numbers_are_sealed_under(
    instance: Path,
) -> None:
    keys = instance / "keys"
    keyfile.create(keys, {})
    (keys / "storage.key").unlink()
    sealing = KeyRing({1: bytes.fromhex((keys / "master-1.key").read_text().strip())}).at_rest
    store = Store(SqliteEngine(instance / "registry.db"))
    migrate(store.engine, at=0, upto=2)
    with store.writing():
        store.registrations.put({
            "number": seal_one(sealing, Number(1, 8613800000000)), "state": "active", "calls": 1, "robocalls": 0,
            "messages": 0, "quiet": 0, "source": "web", "language": "en", "since": 0, "expires": 0,
        })
    store.close()
    prepare(instance, {})
    assert (keys / "storage.key").read_bytes() == (keys / "master-1.key").read_bytes()
    after = started(instance)
    assert after.keys.at_rest == sealing
    after.close()
    with pytest.raises(SettingsError) as caught:
        prepare(instance, {"DECLINE_CALL_STORAGE": "ab" * 32})
    assert caught.value.code == "wrong_storage_key"


def test_the_gateway_is_the_one_that_the_settings_name(instance: Path) -> None:
    prepare(instance, {})
    registry = started(instance)
    registry.close()
    assert isinstance(registry.sms, ConsoleGateway)
    text = '[sms]\ngateway = "http"\nurl = "https://sms.invalid/send"\n'
    (instance / "settings.toml").write_text(text, encoding="utf-8")
    registry = started(instance)
    registry.close()
    assert isinstance(registry.sms, HttpGateway)


# the database


@pytest.mark.parametrize("url", ["mysql://localhost/x", "registry.db", "", "http://localhost"])
def test_a_database_of_another_kind_stops_the_start(instance: Path, url: str) -> None:
    prepare(instance, {})
    set_store(instance, url)
    assert refusal(instance).code == "settings"
    assert "store.url" in refusal(instance).detail


def test_an_instance_on_postgresql_keeps_its_data_there(instance: Path, postgres_url: str) -> None:
    set_store(instance, postgres_url)
    assert prepare(instance, {})
    assert prepare(instance, {})
    registry = started(instance)
    try:
        assert registry.store.engine.dialect == "postgres"
        assert parties.get_party(registry.store, REGULATOR).kind == "regulator"
    finally:
        registry.close()
    assert not (instance / "registry.db").exists()


def test_postgresql_without_its_driver_is_told_which_extra_is_missing(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(instance, {})
    set_store(instance, "postgresql://localhost/registry")
    monkeypatch.setitem(sys.modules, "registry.store.postgres", None)
    assert refusal(instance).detail == "store.url: PostgreSQL needs the extra `postgres`."


def test_a_postgresql_that_does_not_answer_is_told_apart_from_a_wrong_address(instance: Path) -> None:
    set_store(instance, "postgresql://127.0.0.1:1/registry")
    with pytest.raises(RegistryError) as caught:
        prepare(instance, {})
    assert caught.value.code == "database_away"
