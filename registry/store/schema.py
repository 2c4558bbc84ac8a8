"""The tables, as numbered migrations that run on both engines.

Rules of this room:
- A migration that has landed is never edited; the next change is the next number. Each runs in one transaction.
- Types are INTEGER, REAL, TEXT, BLOB (STRICT on SQLite; bigint, double precision, text, bytea on PostgreSQL).
- Times are whole microseconds since 1970 (`times.Micros`); 0 in `expires`, `until` means open.
- A table about a number has its sealed form `number` as distribution column inside every primary and unique key
  (Citus); tables about parties are small reference tables; no foreign keys between the two; no sequences.
"""

from __future__ import annotations

from registry.errors import UnavailableError
from registry.store.engine import Engine
from registry.store.migrations.applications import APPLICATIONS
from registry.store.migrations.batches import BATCHES
from registry.store.migrations.bulletins import BULLETINS
from registry.store.migrations.carriers import CARRIERS
from registry.store.migrations.cases import CASES
from registry.store.migrations.centre import CENTRE
from registry.store.migrations.cluebatches import CLUE_BATCHES
from registry.store.migrations.clues import CLUES
from registry.store.migrations.daycounts import DAY_COUNTS
from registry.store.migrations.drift import DRIFT
from registry.store.migrations.enterprises import ENTERPRISES
from registry.store.migrations.epochs import EPOCHS
from registry.store.migrations.facets import FACETS
from registry.store.migrations.fines import FINES
from registry.store.migrations.gaps import GAPS
from registry.store.migrations.guard import GUARD
from registry.store.migrations.handling import HANDLING
from registry.store.migrations.ledgers import LEDGERS
from registry.store.migrations.loop import LOOP
from registry.store.migrations.measures import MEASURES
from registry.store.migrations.numberevents import NUMBER_EVENTS
from registry.store.migrations.outboxes import OUTBOXES
from registry.store.migrations.penalties import PENALTIES
from registry.store.migrations.peoplesreports import PEOPLES_REPORTS
from registry.store.migrations.receipts import RECEIPTS
from registry.store.migrations.scrubs import SCRUBS
from registry.store.migrations.step import Migration
from registry.store.migrations.webhooks import WEBHOOKS

__all__ = ["MIGRATIONS", "Migration", "migrate", "newest"]

MIGRATIONS: tuple[Migration, ...] = (
    LOOP, CARRIERS, EPOCHS, DRIFT, NUMBER_EVENTS, WEBHOOKS, OUTBOXES, BATCHES, SCRUBS, APPLICATIONS, RECEIPTS, GUARD,
    ENTERPRISES, HANDLING, PEOPLES_REPORTS, CASES, MEASURES, PENALTIES, CLUES, BULLETINS,
    CLUE_BATCHES, FINES, DAY_COUNTS, CENTRE, LEDGERS, GAPS, FACETS,
)

_LEDGER = "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, at INTEGER NOT NULL)"


def migrate(engine: Engine, *, at: int, upto: int | None = None) -> list[int]:
    """Bring a database to the newest schema (or to `upto`); the numbers of the migrations that ran. `at` is Micros.

    Raises UnavailableError (schema_newer) for a database that a newer program has migrated further.
    """
    ran: list[int] = []
    with engine.writing("migration"):
        engine.script((_LEDGER,))
        newest = engine.row("SELECT COALESCE(MAX(number), 0) AS number FROM migration")
        if newest is not None and newest["number"] > MIGRATIONS[-1].number:
            raise UnavailableError("The database was made by a newer version of this program.", code="schema_newer")
    for migration in MIGRATIONS:
        if upto is not None and migration.number > upto:
            break
        with engine.writing("migration"):
            if engine.row("SELECT number FROM migration WHERE number = :number", number=migration.number):
                continue
            engine.script(migration.statements)
            engine.run(
                "INSERT INTO migration (number, name, at) VALUES (:number, :name, :at)",
                number=migration.number, name=migration.name, at=at,
            )
            ran.append(migration.number)
    return ran


def newest(engine: Engine) -> int:
    """The number of the newest migration that has run; 0 for an empty database."""
    with engine.writing("migration"):
        engine.script((_LEDGER,))
        row = engine.row("SELECT COALESCE(MAX(number), 0) AS number FROM migration")
    return int(row["number"]) if row is not None else 0
