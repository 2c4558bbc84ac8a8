"""A filled registry, made once by each worker and copied for every test that wants one: filling takes far longer."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from registry import audit
from registry.assembly import Registry
from registry.keys import KeyRing, SigningKeys
from registry.numbering import NumberPlan
from registry.outside import keyfile
from registry.rulebook import Rulebooks
from registry.settings import Settings
from registry.store import Store
from registry.store.engine import SqliteEngine
from tests.doubles import FakeClock, MemoryShelf, MemorySms
from tests.web.filled import Viewers, fill

DATABASE = "registry.db"


def whole(
    instance: Path, store: Store, settings: Settings, plan: NumberPlan, rulebooks: Rulebooks, *, keys: KeyRing,
    clock: FakeClock, sms: MemorySms, shelf: MemoryShelf,
) -> Registry:  # fmt: skip
    """A registry with the doubles that tests use."""
    (instance / "keys").mkdir(mode=0o700, exist_ok=True)
    keyfile.new_key(instance / "keys" / keyfile.RECEIPT)
    return Registry(
        settings=settings, instance=instance, clock=clock, store=store, keys=keys,
        signing=SigningKeys.from_seeds(bytes(32), bytes(range(32))), shelf=shelf, sms=sms, plan=plan,
        rulebooks=rulebooks,
    )


class Filled:
    """What `fill` leaves behind: tables, files, messages, the time, and who may look."""

    def __init__(
        self, folder: Path, migrated: Path, settings: Settings, plan: NumberPlan, rulebooks: Rulebooks, keys: KeyRing
    ) -> None:
        shutil.copyfile(migrated, folder / DATABASE)
        store, self._clock, self._shelf = Store(SqliteEngine(folder / DATABASE)), FakeClock(), MemoryShelf()
        self._folder, self._settings, self._sms = folder, settings, MemorySms()
        self._began = self._clock.now()
        registry = whole(
            folder, store, settings, plan, rulebooks, keys=keys, clock=self._clock, sms=self._sms, shelf=self._shelf
        )
        self._viewers = fill(registry)
        store.close()

    def viewers_of(self, registry: Registry) -> Viewers:
        """Fill a registry: by copying, or by `fill` itself where something has happened in it before."""
        clock, shelf, sms = registry.clock, registry.shelf, registry.sms
        assert isinstance(clock, FakeClock)
        assert isinstance(shelf, MemoryShelf)
        assert isinstance(sms, MemorySms)
        untouched = (registry.settings, clock.now(), audit.verify(registry.store)) == (
            self._settings, self._began, (0, None)
        )  # fmt: skip
        if not untouched or shelf.files or sms.sent:
            return fill(registry)
        with (
            closing(sqlite3.connect(self._folder / DATABASE)) as made,
            closing(sqlite3.connect(registry.instance / DATABASE)) as copy,
        ):
            made.backup(copy)
        shutil.copytree(
            self._folder, registry.instance, dirs_exist_ok=True, ignore=shutil.ignore_patterns(f"{DATABASE}*")
        )
        clock.moment = self._clock.moment
        shelf.files.update(self._shelf.files)
        sms.sent.extend(self._sms.sent)
        return replace(self._viewers, tokens=dict(self._viewers.tokens), scrubs=dict(self._viewers.scrubs))
