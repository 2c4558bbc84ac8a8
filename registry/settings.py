"""settings.toml as frozen data: every value typed, bounded and with a default that works.

Rules of this room: an unknown key, a wrong type or a nonsense pair stops the start and names the line; secrets never
live here (keys lie in `instance/keys/`, or in the environment).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct, field

from registry.errors import SettingsError
from registry.guardsettings import TIERS, GuardSettings, Tier

Positive = Annotated[int, Meta(ge=1, le=1_000_000)]
Rows = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Bytes = Annotated[int, Meta(ge=1)]
Days = Annotated[int, Meta(ge=1, le=36_500)]
Count = Annotated[int, Meta(ge=0, le=100)]
Seconds = Annotated[float, Meta(gt=0, le=600)]
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


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
    sign_ins_per_address_hour: Positive = 30  # passwords that do not fit; right ones cost nothing
    max_upload_bytes: Bytes = 20_000_000_000  # reports are streamed, so this is a stop, not a buffer
    stalled_s: Positive = 60  # a connection on which nothing moves for so long is given up

    @property
    def local_url(self) -> str:
        """Where this machine reaches the site."""
        return f"http://{self.address}:{self.port}"


class StoreSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The database: a SQLite file beside the settings, or a PostgreSQL address."""

    url: str = "sqlite:registry.db"
    busy_timeout_s: Annotated[float, Meta(gt=0, le=300)] = 10.0


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
    abroad_in_all_hour: Positive = 300  # to numbers of other countries, where some earn by every text that comes


class PublishSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When lists are published and how long files stay (DESIGN §4)."""

    algorithm: Literal["aes-cmac-64", "sm4-cmac-64"] = "aes-cmac-64"
    every_s: Positive = 60
    deltas_hours: Positive = 2
    hourly_hours: Positive = 48
    daily_days: Days = 35
    full_days: Days = 7
    fulls_kept: Positive = 2
    timestamp_hours: Positive = 24  # a feed not renewed for so long has expired
    renew_hours: Positive = 6
    base_changes: Rows = 200_000  # roll the base forward after so many changes, or daily
    rows_per_part: Rows = 4_000_000
    porting_overlap_hours: Annotated[int, Meta(ge=0, le=10_000)] = 24  # how long the old carrier keeps what left it
    memory_mb: Positive = 1500
    lag_alarm_minutes: Positive = 30  # a carrier that lags longer is an alarm


class KeySettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rotation of list keys (docs/adr/0007)."""

    overlap_days: Annotated[int, Meta(ge=0, le=365)] = 7  # how long the old epoch is published beside the new one
    retention_days: Days = 30  # how long after its end the old epoch's master is kept


class MoveSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How what carriers say of numbers is judged."""

    in_net_days: Days = 120  # for so long after a porting a number is not ported again (RULES §7)


class JobSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The clockwork."""

    ingest_s: Positive = 10
    tidy_s: Positive = 60
    moves_s: Positive = 10  # how soon number events are carried out
    compare_hours: Positive = 24
    lease_s: Positive = 120
    history_days: Days = 90  # how long runs of jobs are kept


class WebhookSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Events sent to parties."""

    allow_private: bool = False  # also endpoints inside, and http on loopback: for trials and closed networks
    every_s: Positive = 5
    threads: Annotated[int, Meta(ge=2, le=64)] = 8
    connect_s: Seconds = 5.0
    read_s: Seconds = 10.0
    whole_s: Seconds = 15.0
    retry_hours: Positive = 24  # then it is a dead letter
    rotation_hours: Positive = 24  # how long the old secret signs beside the new one
    kept_days: Days = 30


class OutboxSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Carriers' outboxes, from which reports are fetched."""

    allow_private: bool = False
    threads: Annotated[int, Meta(ge=1, le=64)] = 4
    connect_s: Seconds = 5.0
    read_s: Seconds = 30.0
    whole_s: Seconds = 60.0  # for a page
    page_bytes: Annotated[int, Meta(ge=1000, le=1_000_000_000)] = 64_000_000  # unpacked
    open_after: Positive = 5  # failures in a row after which an outbox is only probed


class ScrubSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Call lists that telemarketers have checked."""

    valid_days: Annotated[int, Meta(ge=1, le=31)] = 7  # for so long answers hold at most
    kept_hours: Positive = 24  # call list and result are deleted so long after the result was fetched
    kept_days: Annotated[int, Meta(ge=1, le=30)] = 30  # and at the latest so long after they came
    every_s: Positive = 2
    drop_s: Positive = 10  # how often drop folders are looked into
    threads: Annotated[int, Meta(ge=1, le=64)] = 2  # how many scrubs one clockwork works on at a time
    max_bytes: Bytes = 20_000_000_000
    xlsx_bytes: Bytes = 200_000_000  # larger workbooks are refused: CSV has no such limit
    unpacked_bytes: Bytes = 100_000_000_000  # of a list that comes as gzip or zip
    remind_days: Annotated[int, Meta(ge=1, le=30)] = 3  # so long before answers end their party is told
    check_most: Annotated[int, Meta(ge=1, le=10_000)] = 10_000  # numbers in one call of the API
    tiers: Annotated[dict[str, Tier], Meta(min_length=1)] = field(default_factory=lambda: dict(TIERS))  # of licences


class ApplicationSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Telemarketers who apply for an account."""

    per_address_day: Positive = 5
    in_all_hour: Positive = 60
    most_waiting: Positive = 1000  # then nobody can apply until officers have decided
    looks_per_address_hour: Positive = 60  # with a wrong secret; right ones cost nothing
    kept_days: Days = 90  # after the decision
    waiting_days: Days = 180  # where nobody decides


class CaseSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When upheld reports make a case, and what is held for review instead (rules 77-79)."""

    reports: Positive = 20  # of one campaign, within `days`
    days: Days = 90
    numbers: Positive = 5  # over so many numbers, an enterprise's sum counts
    near_percent: Count = 90  # of `reports`: from here on a number stands just under the threshold
    near_numbers: Positive = 2  # so many such numbers of one enterprise are no chance
    likeness_percent: Count = 70  # from here on two texts are one
    bombing_reporters: Positive = 30  # people with one text against one company in an hour: held
    settle_minutes: Positive = 60  # before a report counts
    every_s: Positive = 60


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings; every section may be left out."""

    site: SiteSettings = field(default_factory=SiteSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    numbers: NumberSettings = field(default_factory=NumberSettings)
    sms: SmsSettings = field(default_factory=SmsSettings)
    codes: CodeSettings = field(default_factory=CodeSettings)
    publish: PublishSettings = field(default_factory=PublishSettings)
    keys: KeySettings = field(default_factory=KeySettings)
    applications: ApplicationSettings = field(default_factory=ApplicationSettings)
    moves: MoveSettings = field(default_factory=MoveSettings)
    jobs: JobSettings = field(default_factory=JobSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    outboxes: OutboxSettings = field(default_factory=OutboxSettings)
    scrubs: ScrubSettings = field(default_factory=ScrubSettings)
    guard: GuardSettings = field(default_factory=GuardSettings)
    cases: CaseSettings = field(default_factory=CaseSettings)


# reading


def load(path: Path) -> Settings:
    """Read settings.toml; defaults where there is no such file. Raises SettingsError that names the line."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return Settings()
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path.name}: must be UTF-8 text.", code="settings") from error
    except OSError as error:
        raise SettingsError(f"{path.name} cannot be read: {error.strerror}.", code="settings") from error
    return parse(text, path.name)


def parse(text: str, name: str = "settings.toml") -> Settings:
    """Settings from TOML text. Raises SettingsError for unknown keys, wrong values and pairs that make no sense."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name}: {error}", code="settings") from error
    known = {part.name: part.type for part in msgspec.structs.fields(Settings)}
    for section, values in raw.items():
        if section not in known:
            raise _refuse(text, name, (section,), "unknown section" if isinstance(values, dict) else "unknown setting")
        if not isinstance(values, dict):
            raise _refuse(text, name, (section,), "must be a section")
        for key, value in values.items():
            try:
                msgspec.convert({key: value}, known[section])
            except msgspec.ValidationError as error:
                why = "unknown setting" if "unknown field" in str(error) else str(error).split(" - at")[0]
                raise _refuse(text, name, (f"{section}.{key}",), why) from error
    settings = msgspec.convert(raw, Settings)
    for wrong, places, why in _nonsense(settings):
        if wrong:
            raise _refuse(text, name, places, why)
    return settings


# rules


def _nonsense(settings: Settings) -> Iterator[tuple[bool, tuple[str, ...], str]]:
    """Pairs that make no sense together: whether they are there, what is to blame (the first that stands), why."""
    site, publish, codes, sms = settings.site, settings.publish, settings.codes, settings.sms
    yield (
        publish.renew_hours >= publish.timestamp_hours,
        ("publish.renew_hours", "publish.timestamp_hours"), "renew_hours must be less than timestamp_hours",
    )  # fmt: skip
    yield (
        publish.every_s > publish.deltas_hours * 3600,
        ("publish.every_s", "publish.deltas_hours"), "every_s must not be more than deltas_hours",
    )  # fmt: skip
    yield (
        publish.hourly_hours <= publish.deltas_hours,
        ("publish.hourly_hours", "publish.deltas_hours"), "hourly_hours must be more than deltas_hours",
    )  # fmt: skip
    yield (
        publish.daily_days * 24 <= publish.hourly_hours,
        ("publish.daily_days", "publish.hourly_hours"), "daily_days must be longer than hourly_hours",
    )  # fmt: skip
    yield (
        publish.daily_days < publish.full_days,
        ("publish.daily_days", "publish.full_days"), "daily_days must not be less than full_days",
    )  # fmt: skip
    yield (
        settings.keys.retention_days < settings.keys.overlap_days,
        ("keys.retention_days", "keys.overlap_days"), "retention_days must not be less than overlap_days",
    )  # fmt: skip
    yield (
        codes.per_number_hour < codes.per_number_minute,
        ("codes.per_number_hour", "codes.per_number_minute"), "per_number_hour must not be less than per_number_minute",
    )  # fmt: skip
    yield (
        codes.per_number_day < codes.per_number_hour,
        ("codes.per_number_day", "codes.per_number_hour"), "per_number_day must not be less than per_number_hour",
    )  # fmt: skip
    yield (
        not settings.store.url.startswith(("sqlite:", "postgresql:", "postgres:")),
        ("store.url",), "must start with sqlite: or postgresql:",
    )  # fmt: skip
    yield not _is_zone(settings.numbers.zone), ("numbers.zone",), "there is no such time zone"
    yield from _nonsense_outside(site, sms)


def _nonsense_outside(site: SiteSettings, sms: SmsSettings) -> Iterator[tuple[bool, tuple[str, ...], str]]:
    """`_nonsense` about what others reach and what leaves."""
    public, gateway = _address(site.public_url), _address(sms.url)
    yield bool(site.public_url) and public is None, ("site.public_url",), "must start with http:// or https://"
    yield (
        public is not None and (public[0] == "https") != site.secure_cookies,
        ("site.secure_cookies", "site.public_url"), "secure_cookies must be true with https and false with http",
    )  # fmt: skip
    yield sms.gateway == "http" and not sms.url, ("sms.gateway",), "http needs sms.url"
    yield bool(sms.url) and gateway is None, ("sms.url",), "must start with https://"
    yield (
        gateway is not None and gateway[0] == "http" and gateway[1] not in LOOPBACK,
        ("sms.url",), "must start with https://, because codes travel there (http:// only on loopback)",
    )  # fmt: skip
    open_to_others = site.address not in LOOPBACK or (public is not None and public[1] not in LOOPBACK)
    yield (
        sms.gateway == "console" and open_to_others, ("site.address", "site.public_url", "sms.gateway"),
        "the embedded SMS gateway shows codes to whoever can open the site, so it runs on loopback only",
    )  # fmt: skip


def _address(url: str) -> tuple[str, str] | None:
    """Scheme and host of an http(s) address, None for anything else."""
    try:
        found = urlsplit(url)
        host = found.hostname
    except ValueError:
        return None
    return (found.scheme, host) if found.scheme in {"http", "https"} and host else None


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


# saying where


def _line_of(text: str, path: str) -> int | None:
    """The line (from 1) on which a section or a `section.key` is written, in whatever way TOML allows, or None."""
    section, _dot, key = path.partition(".")
    inside, header_line = "", None
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.replace('"', "").replace("'", "").strip()
        header = re.match(r"\[\[?\s*([^\]]+?)\s*\]", plain)
        if header:
            inside = re.sub(r"\s*\.\s*", ".", header.group(1))
            if inside == path or inside.startswith(path + "."):
                return number
            if inside == section:
                header_line = number
            continue
        written = re.match(r"([\w.\s-]+?)\s*=", plain)
        if written:
            full = re.sub(r"\s*\.\s*", ".", written.group(1))
            full = f"{inside}.{full}" if inside else full
            if full == path or full.startswith(path + ".") or (full == section and re.search(rf"\b{key}\b", plain)):
                return number
    return header_line


def _refuse(text: str, name: str, places: tuple[str, ...], why: str) -> SettingsError:
    """The refusal that names the line of the first of some places that is written at all."""
    exact = next((place for place in places if _is_written(text, place)), places[0])
    line = _line_of(text, exact)
    where = f"{name}, line {line}" if line else name
    return SettingsError(f"{where}: {exact}: {why}", code="settings", line=line or 0)


def _is_written(text: str, place: str) -> bool:
    section, _dot, key = place.partition(".")
    values = tomllib.loads(text).get(section)
    return key in values if isinstance(values, dict) and key else values is not None
