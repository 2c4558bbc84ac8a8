"""settings.toml: defaults that work, and every mistake refused with its line."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import SettingsError
from registry.settings import Settings, load, parse


def refused(text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        parse(text)
    assert caught.value.code == "settings"
    return caught.value


def test_no_file_and_an_empty_file_mean_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path / "settings.toml") == Settings()
    (tmp_path / "settings.toml").write_bytes(b"")
    assert load(tmp_path / "settings.toml") == Settings()


def written(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {written(inner)}" for key, inner in value.items()) + "}"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def test_the_defaults_could_be_written_out(tmp_path: Path) -> None:
    lines = []
    for section, values in msgspec.to_builtins(Settings()).items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {written(value)}" for key, value in values.items()]
    assert parse("\n".join(lines)) == Settings()


def test_what_is_written_counts_and_the_rest_is_default() -> None:
    found = parse('[site]\nport = 9000\n[store]\nbusy_timeout_s = 3 # whole seconds do\n[sms]\nurl = ""\n')
    assert (found.site.port, found.store.busy_timeout_s, found.site.threads) == (9000, 3.0, 4)


MISTAKES = [
    # unknown
    ("[site]\nport = 1\nprot = 2\n", 3, "site.prot: unknown setting"),
    ("\n[sight]\nport = 1\n", 2, "sight: unknown section"),
    ("port = 1\n", 1, "port: unknown setting"),
    ("[site]\nport = 1\n\n[site.more]\nx = 1\n", 4, "site.more: unknown setting"),
    ("site.port = 1\nsite.prot = 2\n", 2, "site.prot: unknown setting"),
    ('site = {port = 1, "prot" = 2}\n', 1, "site.prot: unknown setting"),
    ('[site]\nport = 1\n"prot" = 2\n', 3, "site.prot: unknown setting"),
    # the same key in another section is not blamed
    ("[codes]\nminutes = 5\n[publish]\nminutes = 5\n", 4, "publish.minutes: unknown setting"),
    ("[scrubs]\nevery_s = 2\n[scrubs.tiers.basic]\nday = 0\nepoch = 5\n", 3, "scrubs.tiers: Expected `int` >= 1"),
    ("[scrubs]\ntiers = {}\n", 2, "scrubs.tiers: Expected `object` of length >= 1"),
    # wrong types and values
    ('[site]\nport = "8000"\n', 2, "site.port: Expected `int`, got `str`"),
    ("[site]\nport = true\n", 2, "site.port: Expected `int`, got `bool`"),
    ("[site]\nport = 65536\n", 2, "site.port: Expected `int` <= 65535"),
    ("[site]\nworkers = 0\n", 2, "site.workers: Expected `int` >= 1"),
    ("[site]\nbcrypt_cost = 31\n", 2, "site.bcrypt_cost: Expected `int` <= 16"),
    ("[codes]\n\n\nminutes = 1e1\n", 4, "codes.minutes: Expected `int`, got `float`"),
    ("[codes]\nminutes = 99999999999999999999\n", 2, "codes.minutes: Expected `int` <= 1000000"),
    ("[sms]\ntimeout_s = nan\n", 2, "sms.timeout_s: Expected `float` > 0.0"),
    ("[store]\nbusy_timeout_s = inf\n", 2, "store.busy_timeout_s: Expected `float` <= 300.0"),
    ('[sms]\ngateway = "pigeon"\n', 2, "sms.gateway: Invalid enum value"),
    ('[publish]\nalgorithm = "md5"\n', 2, "publish.algorithm: Invalid enum value"),
    ('[numbers]\ncountry = "China"\n', 2, "numbers.country: Expected `str` matching regex"),
    ('[numbers]\nzone = "Asia/Peking"\n', 2, "numbers.zone: there is no such time zone"),
    ('[numbers]\nzone = "../../etc/passwd"\n', 2, "numbers.zone: there is no such time zone"),
    ('[store]\nurl = "registry.db"\n', 2, "store.url: must start with sqlite: or postgresql:"),
    ("[[site]]\nport = 1\n", 1, "site: must be a section"),
    ("site = 1\n", 1, "site: must be a section"),
    # pairs
    ("[publish]\nrenew_hours = 24\n", 2, "publish.renew_hours: renew_hours must be less than timestamp_hours"),
    ("[publish]\n\ntimestamp_hours = 6\n", 3, "publish.timestamp_hours: renew_hours must be less"),
    ("[publish]\nevery_s = 7201\n", 2, "publish.every_s: every_s must not be more than deltas_hours"),
    ("[publish]\nhourly_hours = 2\n", 2, "publish.hourly_hours: hourly_hours must be more than deltas_hours"),
    ("[publish]\ndaily_days = 2\n", 2, "publish.daily_days: daily_days must be longer than hourly_hours"),
    ("[publish]\nfull_days = 36\n", 2, "publish.full_days: daily_days must not be less than full_days"),
    ("[codes]\nper_number_hour = 5\nper_number_minute = 6\n", 2, "codes.per_number_hour: per_number_hour must not"),
    ("[codes]\nper_number_day = 4\n", 2, "codes.per_number_day: per_number_day must not be less"),
    ('[sms]\ngateway = "http"\n', 2, "sms.gateway: http needs sms.url"),
    ('[sms]\ngateway = "http"\nurl = "sms.example"\n', 3, "sms.url: must start with https://"),
    ('[sms]\ngateway = "http"\nurl = "http://sms.example/"\n', 3, "sms.url: must start with https://, because codes"),
    ('[sms]\ngateway = "http"\nurl = "https://["\n', 3, "sms.url: must start with https://"),
    ('[site]\naddress = "0.0.0.0"\n', 2, "site.address: the embedded SMS gateway shows codes"),
    ('[site]\nsecure_cookies = true\npublic_url = "https://x.example"\n', 3, "site.public_url: the embedded SMS"),
    ('[site]\npublic_url = "x.example"\n', 2, "site.public_url: must start with http:// or https://"),
    ('[site]\npublic_url = "https://localhost"\n', 2, "site.public_url: secure_cookies must be true with https"),
    ('[site]\npublic_url = "http://localhost"\nsecure_cookies = true\n', 3, "site.secure_cookies: secure_cookies must"),
]


@pytest.mark.parametrize(("text", "line", "why"), MISTAKES, ids=[why.split(":")[0] for _t, _l, why in MISTAKES])
def test_a_mistake_stops_the_start_and_names_its_line(text: str, line: int, why: str) -> None:
    error = refused(text)
    assert error.detail.startswith(f"settings.toml, line {line}: {why}")
    assert error.facts["line"] == line


def test_a_pair_that_is_wrong_only_by_a_default_names_what_is_written() -> None:
    assert "line 1: codes.per_number_minute" in refused("codes.per_number_minute = 6\n").detail


@pytest.mark.parametrize("text", ["[site\n", "port == 1", "[site]\nport = 1\nport = 2\n", "a = \x00", "🙂"])
def test_what_is_no_toml_is_refused_with_its_place(text: str) -> None:
    assert re.search(r"line \d|end of document", refused(text).detail)


def test_files_of_the_wrong_encoding_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    text = '[site]\nport = 9000 # 端口\n'
    for encoding in ("utf-8", "utf-8-sig"):
        file.write_text(text, encoding=encoding)
        assert load(file).site.port == 9000
    file.write_bytes(text.replace("\n", "\r\n").encode())
    assert load(file).site.port == 9000
    for encoding in ("gb18030", "utf-16"):
        file.write_text(text, encoding=encoding)
        with pytest.raises(SettingsError, match="UTF-8"):
            load(file)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path / "settings.toml")


def test_settings_for_the_world_are_taken() -> None:
    found = parse(
        """
        site.address = "0.0.0.0"
        site.public_url = "https://decline.example"
        site.secure_cookies = true
        site.trusted_proxies = 1
        [sms]
        gateway = "http"
        url = "https://sms.example/v1"
        [store]
        url = "postgresql://registry@db/registry"
        """
    )
    assert found.sms.gateway == "http"
    local = parse('[sms]\ngateway = "http"\nurl = "http://127.0.0.1:9/x"\n')
    assert local.sms.url == "http://127.0.0.1:9/x"


TEXTS = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.text("ab\"'\\=[]#.\n", max_size=6), st.floats()),
    lambda inner: st.lists(inner, max_size=2),
)


@settings(max_examples=150)
@given(
    section=st.sampled_from(["site", "codes", "x", ""]),
    key=st.sampled_from(["port", "minutes", "address", "y", ""]),
    value=TEXTS,
    noise=st.text("[]=\"' #.\nab1", max_size=30),
)
def test_whatever_is_written_is_taken_or_refused_in_words(section: str, key: str, value: object, noise: str) -> None:
    try:
        parse(f"[{section}]\n{key} = {value!r}\n{noise}")
    except SettingsError as error:
        assert error.detail.startswith("settings.toml")  # noqa: PT017 - either way is fine
