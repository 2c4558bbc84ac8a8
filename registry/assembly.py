"""Puts the registry together from an instance folder: the only place that names adapters.

Rules of this room: everything is assembled once per process and passed in; `prepare` may run any number of times and
never changes what exists; nothing here decides anything about registrations, lists or reports.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from registry import credentials, parties
from registry.errors import InvalidInputError, SettingsError
from registry.fining import Office
from registry.gathering import Gatherer
from registry.interfaces import Clock, Shelf, SmsGateway
from registry.keys import FIRST_EPOCH, KeyRing, SigningKeys
from registry.numbering import NumberPlan, load_plan
from registry.outside import keyfile
from registry.outside.calendarfile import holidays_of
from registry.outside.clock import SystemClock
from registry.outside.shelf import FolderShelf
from registry.outside.sms import ConsoleGateway, HttpGateway
from registry.quotas import Ledger
from registry.receiptkeys import ReceiptKeys
from registry.rulebook import Rulebooks, load_rulebooks
from registry.sealing import unseal_one
from registry.settings import Settings, SmsSettings, load
from registry.store import Store
from registry.store.engine import Engine, SqliteEngine
from registry.store.migrations.epochs import EPOCHS
from registry.times import to_micros
from registry.watch import Watch
from registry.workdays import Calendar

FIRST_SETTINGS = """\
# Settings of this registry; every one has a default, an unknown one stops the start. See docs/guides/operators.md.
[site]
port = 8000

[sms]
gateway = "console"   # "http" with url = "https://…" to send for real
"""

REGULATOR = "regulator"
FIRST_OFFICER = "officer@decline-call.invalid"


@dataclass(frozen=True)
class Registry:
    """All collaborators of one process, assembled once."""

    settings: Settings
    instance: Path
    clock: Clock
    store: Store
    keys: KeyRing
    signing: SigningKeys
    shelf: Shelf
    sms: SmsGateway
    plan: NumberPlan
    rulebooks: Rulebooks

    @property
    def copies(self) -> Shelf:
        """The publisher's copies of the recipients' lists, to be read (`repairs`); they lie where it runs."""
        return FolderShelf(self.instance / "mirrors")

    @cached_property
    def quotas(self) -> Ledger:
        """What quotas of telemarketers are kept with; it remembers their newest keys."""
        return Ledger(self.store, self.clock, self.shelf, self.keys, self.settings)

    @cached_property
    def gatherer(self) -> Gatherer:
        """What lets upheld reports come together; it remembers the texts it saw."""
        return Gatherer(self.store, self.clock, self.keys, self.settings.cases, self.calendar)

    @property
    def calendar(self) -> Calendar:
        """The working days that are known, where the numbers are at home."""
        return Calendar(self.plan.holidays, self.settings.numbers.zone)

    @property
    def fines(self) -> Office:
        """What fines are computed and kept with."""
        return Office(self.store, self.clock, self.rulebooks, self.calendar)

    @property
    def receipt_keys(self) -> ReceiptKeys:
        """The keys of receipts as they lie in the instance now. Raises SettingsError where they cannot be used."""
        return ReceiptKeys(keyfile.receipt_seeds(self.instance / "keys"))

    @cached_property
    def watch(self) -> Watch:
        """What keeps an eye on what telemarketers ask for."""
        return Watch(self.quotas, self.plan)

    def close(self) -> None:
        """Let go of the database."""
        self.store.close()


def open_store(settings: Settings, instance: Path) -> Store:
    """The store that the settings name. Raises SettingsError for an address it cannot be."""
    url = settings.store.url
    engine: Engine
    if url.startswith("sqlite:"):
        engine = SqliteEngine(instance / url.removeprefix("sqlite:"), busy_timeout=settings.store.busy_timeout_s)
    elif url.startswith(("postgresql:", "postgres:")):
        try:
            from registry.store.postgres import PostgresEngine  # noqa: PLC0415 - an optional extra
        except ImportError as error:
            raise SettingsError("store.url: PostgreSQL needs the extra `postgres`.", code="settings") from error
        engine = PostgresEngine(url)
    else:
        raise SettingsError("store.url: starts with sqlite: or postgresql:", code="settings")
    return Store(engine)


def _gateway(settings: SmsSettings, instance: Path, ring: KeyRing) -> SmsGateway:
    if settings.gateway == "console":
        return ConsoleGateway(instance)
    return HttpGateway(
        settings.url,
        key=ring.derive("log", "sms-gateway", FIRST_EPOCH),
        timeout=settings.timeout_s,
        retries=settings.retries,
    )


def assemble(instance: Path, environ: Mapping[str, str] = os.environ) -> Registry:
    """The registry of a prepared instance folder. Raises SettingsError where it is not one."""
    if not (instance / "keys").is_dir():
        raise SettingsError(f"{instance} is not prepared: run `decline-call prepare` first.", code="not_prepared")
    settings = load(instance / "settings.toml")
    ring, signing = keyfile.load(instance / "keys", environ)
    return Registry(
        settings=settings,
        instance=instance,
        clock=SystemClock(),
        store=open_store(settings, instance),
        keys=ring,
        signing=signing,
        shelf=FolderShelf(instance / "shelf"),
        sms=_gateway(settings.sms, instance, ring),
        plan=replace(load_plan(), holidays=holidays_of(instance)),
        rulebooks=load_rulebooks(),
    )


def prepare(
    instance: Path, environ: Mapping[str, str] = os.environ, *, officer_email: str = FIRST_OFFICER
) -> str | None:
    """Make or complete an instance folder: settings, keys, schema, regulator, first officer.

    Returns the first officer's one-time sign-in token while that officer has not signed in yet, else None. Raises
    SettingsError where the folder cannot be written, or what lies in it stops the start.
    """
    try:
        _make_folder(instance)
    except OSError as error:
        detail = f"{instance} cannot be written: {error.strerror}."
        raise SettingsError(detail, code="instance_unwritable") from error
    keyfile.create(instance / "keys", environ, older=_is_older(instance))
    registry = assemble(instance, environ)
    try:
        registry.store.migrate(at=to_micros(registry.clock.now()))
        _must_open(registry.store, registry.keys)
        return _first_officer(registry, officer_email)
    finally:
        registry.close()


def _is_older(instance: Path) -> bool:
    """Whether the database is from before there were key epochs, so that the first master seals what is stored."""
    store = open_store(load(instance / "settings.toml"), instance)
    try:
        return 0 < store.schema() < EPOCHS.number
    finally:
        store.close()


def _must_open(store: Store, ring: KeyRing) -> None:
    """Raises SettingsError `wrong_storage_key` where what the tables hold was sealed under another storage master."""
    number = store.registrations.any_number()
    try:
        if number is not None:
            unseal_one(ring.at_rest, number)
    except InvalidInputError as error:
        detail = "The storage key is not the one that numbers in the database are sealed under; bring that one back."
        raise SettingsError(detail, code="wrong_storage_key") from error


def _make_folder(instance: Path) -> None:
    instance.mkdir(parents=True, exist_ok=True)
    instance.chmod(0o700)
    for name in ("shelf", "inbox", "quarantine", "mirrors"):
        (instance / name).mkdir(exist_ok=True)
    settings_file = instance / "settings.toml"
    if not settings_file.exists():
        settings_file.write_text(FIRST_SETTINGS, encoding="utf-8")


def _first_officer(registry: Registry, email: str) -> str | None:
    """Regulator and first officer, made once; an invitation for as long as the officer has not taken one up."""
    store, clock = registry.store, registry.clock
    if store.parties.party(REGULATOR) is None:
        parties.add_party(
            store, clock, party=REGULATOR, kind="regulator", name_zh="监管机构", name_en="Regulator", scope="national"
        )
    if not store.parties.members(REGULATOR):  # a first start that was cut off may have left the party alone
        parties.add_member(store, clock, party=REGULATOR, email=email, name="First officer", role="officer")
    waiting = [m for m in store.parties.members(REGULATOR) if m.role == "officer"]
    if any(member.state != "invited" for member in waiting) or not waiting:
        return None
    return credentials.invite(store, clock, member=waiting[0].member)
