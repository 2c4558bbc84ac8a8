"""settings.toml as frozen data: every value typed, bounded and with a default that works.

Rules of this room: an unknown key, a wrong type or a nonsense pair stops the start and names the line; secrets never live
here (keys lie in `instance/keys/`, or in the environment).
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from registry.errors import SettingsError

Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]


class SiteSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the site listens and how it shows itself."""

    address: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    public_url: str = ""  # how others reach the site; empty: http://address:port
    workers: Positive = 2
    threads: Positive = 4
    secure_cookies: bool = False  # true behind HTTPS
    trusted_proxies: Count = 0  # how many proxies in front set X-Forwarded-For
    person_minutes: Positive = 30
    member_minutes: Positive = 480
    bcrypt_cost: Annotated[int, Meta(ge=4, le=16)] = 12
    default_language: Literal["zh_CN", "en"] = "zh_CN"
    max_upload_bytes: Positive = 20_000_000_000  # reports are streamed, so this is a stop, not a buffer


class StoreSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The database: a SQLite file beside the settings, or a PostgreSQL address."""

    url: str = "sqlite:registry.db"
    busy_timeout_s: Annotated[float, Meta(gt=0)] = 10.0


class NumberSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How numbers without a country are read."""

    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] = "CN"
    zone: str = "Asia/Shanghai"


class SmsSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How text messages leave: `console` (embedded, for trials) or `http` (a JSON POST)."""

    gateway: Literal["console", "http"] = "console"
    url: str = ""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 5.0
    retries: Annotated[int, Meta(ge=0, le=5)] = 2


class CodeSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """SMS codes and how many may be asked for (DESIGN §9)."""

    minutes: Positive = 10
    guesses: Positive = 5
    per_number_minute: Positive = 1
    per_number_hour: Positive = 5
    per_number_day: Positive = 10
    per_address_hour: Positive = 30
    in_all_minute: Positive = 3000


class PublishSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When lists are published and how long files stay (DESIGN §4)."""

    algorithm: Literal["aes-cmac-64", "sm4-cmac-64"] = "aes-cmac-64"
    every_s: Positive = 60
    deltas_hours: Positive = 2
    hourly_hours: Positive = 48
    daily_days: Positive = 35
    full_days: Positive = 7
    fulls_kept: Positive = 2
    timestamp_hours: Positive = 24  # a feed not renewed for so long has expired
    renew_hours: Positive = 6
    base_changes: Positive = 200_000  # roll the base forward after so many changes, or daily
    rows_per_part: Positive = 4_000_000
    memory_mb: Positive = 1500


class JobSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The clockwork."""

    ingest_s: Positive = 10
    tidy_s: Positive = 60
    compare_hours: Positive = 24
    lease_s: Positive = 120
    history_days: Positive = 90  # how long runs of jobs are kept


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings; every section may be left out."""

    site: SiteSettings = field(default_factory=SiteSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    numbers: NumberSettings = field(default_factory=NumberSettings)
    sms: SmsSettings = field(default_factory=SmsSettings)
    codes: CodeSettings = field(default_factory=CodeSettings)
    publish: PublishSettings = field(default_factory=PublishSettings)
    jobs: JobSettings = field(default_factory=JobSettings)


def _line_of(text: str, section: str, key: str) -> int | None:
    """The line (from 1) on which a key of a section stands, or None."""
    inside = section == ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[([^\]]+)\]", line)
        if header:
            inside = header.group(1).strip() == section
            if inside and not key:
                return number
        elif inside and key and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
    return None


def _refuse(text: str, name: str, section: str, key: str, why: str) -> SettingsError:
    line = _line_of(text, section, key) or _line_of(text, section, "") or _line_of(text, "", key)
    place = f"{name}, line {line}" if line else name
    path = ".".join(part for part in (section, key) if part)
    return SettingsError(f"{place}: {path}: {why}", code="settings", line=line or 0)


def load(path: Path) -> Settings:
    """Read settings.toml; defaults where there is no such file. Raises SettingsError that names the line."""
    if not path.exists():
        return Settings()
    return parse(path.read_text(encoding="utf-8"), path.name)


def parse(text: str, name: str = "settings.toml") -> Settings:
    """Settings from TOML text. Raises SettingsError for unknown keys, wrong values and pairs that make no sense."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name}: {error}", code="settings") from error
    known = {part.name: part.type for part in msgspec.structs.fields(Settings)}
    for section, values in raw.items():
        if section not in known:
            raise _refuse(text, name, "" if not isinstance(values, dict) else section, "" if isinstance(values, dict) else section, "unknown")
        if not isinstance(values, dict):
            raise _refuse(text, name, "", section, "must be a section")
        for key, value in values.items():
            try:
                msgspec.convert({key: value}, known[section])
            except msgspec.ValidationError as error:
                why = "unknown setting" if "unknown field" in str(error) else str(error).split(" - at")[0]
                raise _refuse(text, name, section, key, why) from error
    settings = msgspec.convert(raw, Settings)
    _check_pairs(settings, text, name)
    return settings


def _check_pairs(settings: Settings, text: str, name: str) -> None:
    publish, codes, sms = settings.publish, settings.codes, settings.sms
    nonsense = (
        (publish.renew_hours >= publish.timestamp_hours, "publish", "renew_hours", "must be less than timestamp_hours"),
        (publish.hourly_hours <= publish.deltas_hours, "publish", "hourly_hours", "must be more than deltas_hours"),
        (publish.daily_days * 24 <= publish.hourly_hours, "publish", "daily_days", "must be longer than hourly_hours"),
        (publish.daily_days < publish.full_days, "publish", "daily_days", "must not be less than full_days"),
        (codes.per_number_hour < codes.per_number_minute, "codes", "per_number_hour", "must not be less than per_number_minute"),
        (codes.per_number_day < codes.per_number_hour, "codes", "per_number_day", "must not be less than per_number_hour"),
        (sms.gateway == "http" and not sms.url, "sms", "gateway", "http needs sms.url"),
        (sms.gateway == "console" and settings.site.address not in {"127.0.0.1", "::1", "localhost"}, "site", "address",
         "the embedded SMS gateway shows codes to whoever can open the site, so it runs on loopback only"),
    )
    for wrong, section, key, why in nonsense:
        if wrong:
            raise _refuse(text, name, section, key, why)
