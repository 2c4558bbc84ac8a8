"""The tables, as numbered migrations that run on both engines.

Rules of this room:
- A migration that has landed is never edited; the next change is the next number. Each runs in one transaction.
- Types are INTEGER, REAL, TEXT, BLOB (STRICT on SQLite; bigint, double precision, text, bytea on PostgreSQL).
- Times are whole microseconds since 1970 (`times.Micros`); 0 in `expires`, `until` means open.
- A table about a number has its sealed form `number` as distribution column inside every primary and unique key
  (Citus); tables about parties are small reference tables; no foreign keys between the two; no sequences.
"""

from __future__ import annotations

from dataclasses import dataclass

from registry.errors import UnavailableError
from registry.store.engine import Engine


@dataclass(frozen=True)
class Migration:
    """One step of the schema: its number, its name and its statements."""

    number: int
    name: str
    statements: tuple[str, ...]


_MASKS = "calls INTEGER NOT NULL, robocalls INTEGER NOT NULL, messages INTEGER NOT NULL"

FIRST = Migration(
    1,
    "the loop",
    (
        # registrations: current row, history row, pending row
        f"""CREATE TABLE registration (number BLOB PRIMARY KEY, state TEXT NOT NULL, {_MASKS},
            quiet INTEGER NOT NULL, source TEXT NOT NULL, language TEXT NOT NULL, since INTEGER NOT NULL,
            expires INTEGER NOT NULL, version INTEGER NOT NULL)""",
        f"""CREATE TABLE registration_history (number BLOB NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
            {_MASKS}, quiet INTEGER NOT NULL, event TEXT NOT NULL, source TEXT NOT NULL, at INTEGER NOT NULL,
            PRIMARY KEY (number, version))""",
        "CREATE INDEX registration_state ON registration (state, expires)",
        "CREATE INDEX registration_history_at ON registration_history (at, event)",
        """CREATE TABLE pending (number BLOB PRIMARY KEY, since INTEGER NOT NULL, edition INTEGER,
            left_carrier TEXT)""",
        """CREATE TABLE porting (number BLOB NOT NULL, since INTEGER NOT NULL, carrier TEXT NOT NULL,
            PRIMARY KEY (number, since))""",
        # proving a number: codes, allowances, sessions
        """CREATE TABLE code (number BLOB NOT NULL, purpose TEXT NOT NULL, mac BLOB NOT NULL, nonce BLOB NOT NULL,
            created INTEGER NOT NULL, expires INTEGER NOT NULL, guesses INTEGER NOT NULL, used INTEGER NOT NULL,
            PRIMARY KEY (number, purpose))""",
        """CREATE TABLE allowance (subject BLOB NOT NULL, name TEXT NOT NULL, arrival INTEGER NOT NULL,
            PRIMARY KEY (subject, name))""",
        """CREATE TABLE session (session BLOB PRIMARY KEY, kind TEXT NOT NULL, number BLOB, member TEXT,
            strong INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL)""",
        # what a person allows and denies
        f"""CREATE TABLE consent (number BLOB NOT NULL, consent TEXT NOT NULL, telemarketer TEXT NOT NULL,
            state TEXT NOT NULL, {_MASKS}, most INTEGER NOT NULL, per TEXT NOT NULL, starts INTEGER NOT NULL,
            until INTEGER NOT NULL, asked INTEGER NOT NULL, decided INTEGER, ended INTEGER,
            explicit INTEGER NOT NULL, evidence TEXT NOT NULL, evidence_hash BLOB NOT NULL,
            PRIMARY KEY (number, consent))""",
        "CREATE INDEX consent_asked ON consent (state, asked)",
        "CREATE INDEX consent_until ON consent (state, until)",
        f"""CREATE TABLE personal_entry (number BLOB NOT NULL, telemarketer TEXT NOT NULL, kind INTEGER NOT NULL,
            since INTEGER NOT NULL, {_MASKS}, until INTEGER NOT NULL, ended INTEGER,
            PRIMARY KEY (number, telemarketer, kind, since))""",
        "CREATE INDEX personal_entry_until ON personal_entry (until) WHERE ended IS NULL AND until > 0",
        f"""CREATE TABLE exception (number BLOB NOT NULL, telemarketer TEXT NOT NULL, kind INTEGER NOT NULL,
            {_MASKS}, until INTEGER NOT NULL, PRIMARY KEY (number, telemarketer, kind))""",
        """CREATE TABLE pending_exception (number BLOB NOT NULL, telemarketer TEXT NOT NULL, kind INTEGER NOT NULL,
            edition INTEGER, PRIMARY KEY (number, telemarketer, kind))""",
        # editions and feeds
        """CREATE TABLE edition (edition INTEGER PRIMARY KEY, state TEXT NOT NULL, opened INTEGER NOT NULL,
            published INTEGER, changes INTEGER NOT NULL, exceptions INTEGER NOT NULL)""",
        f"""CREATE TABLE edition_change (number BLOB NOT NULL, edition INTEGER NOT NULL, {_MASKS},
            quiet INTEGER NOT NULL, carrier TEXT NOT NULL, left_carrier TEXT, PRIMARY KEY (number, edition))""",
        "CREATE INDEX edition_change_edition ON edition_change (edition)",
        f"""CREATE TABLE edition_exception (number BLOB NOT NULL, edition INTEGER NOT NULL,
            telemarketer TEXT NOT NULL, kind INTEGER NOT NULL, {_MASKS}, until INTEGER NOT NULL,
            carrier TEXT NOT NULL, left_carrier TEXT, PRIMARY KEY (number, edition, telemarketer, kind))""",
        "CREATE INDEX edition_exception_edition ON edition_exception (edition)",
        """CREATE TABLE base (edition INTEGER PRIMARY KEY, rows INTEGER NOT NULL, parts TEXT NOT NULL,
            made INTEGER NOT NULL)""",
        """CREATE TABLE feed_edition (recipient TEXT NOT NULL, edition INTEGER NOT NULL, kind TEXT NOT NULL,
            rows INTEGER NOT NULL, bytes INTEGER NOT NULL, entries INTEGER NOT NULL, content_root BLOB NOT NULL,
            exceptions_root BLOB NOT NULL, published INTEGER NOT NULL, PRIMARY KEY (recipient, edition))""",
        """CREATE TABLE acknowledgement (recipient TEXT NOT NULL, edition INTEGER NOT NULL,
            content_root BLOB NOT NULL, exceptions_root BLOB NOT NULL, at INTEGER NOT NULL, agrees INTEGER NOT NULL,
            PRIMARY KEY (recipient, edition))""",
        # parties
        """CREATE TABLE party (party TEXT PRIMARY KEY, ordinal INTEGER NOT NULL UNIQUE, kind TEXT NOT NULL,
            name_zh TEXT NOT NULL, name_en TEXT NOT NULL, state TEXT NOT NULL, scope TEXT NOT NULL,
            licensed INTEGER NOT NULL, created INTEGER NOT NULL)""",
        """CREATE TABLE member (member TEXT PRIMARY KEY, party TEXT NOT NULL, email TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL, role TEXT NOT NULL, password TEXT, totp BLOB, totp_step INTEGER NOT NULL,
            state TEXT NOT NULL, failed INTEGER NOT NULL, locked INTEGER NOT NULL, created INTEGER NOT NULL)""",
        """CREATE TABLE invitation (invitation BLOB PRIMARY KEY, member TEXT NOT NULL, expires INTEGER NOT NULL,
            used INTEGER)""",
        """CREATE TABLE api_key (api_key TEXT PRIMARY KEY, party TEXT NOT NULL, secret BLOB NOT NULL,
            scopes TEXT NOT NULL, label TEXT NOT NULL, created INTEGER NOT NULL, used INTEGER, revoked INTEGER)""",
        """CREATE TABLE carrier_key (party TEXT PRIMARY KEY, public_key BLOB NOT NULL, at INTEGER NOT NULL)""",
        # reports
        """CREATE TABLE report (source TEXT NOT NULL, source_id TEXT NOT NULL, batch TEXT NOT NULL,
            line INTEGER NOT NULL, reporter BLOB, called BLOB, caller BLOB, channel INTEGER, category INTEGER,
            content INTEGER, at INTEGER NOT NULL, duration INTEGER, mode TEXT, telemarketer TEXT, description BLOB,
            received INTEGER NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL, rule TEXT NOT NULL,
            rulebook TEXT NOT NULL, PRIMARY KEY (source, source_id))""",
        "CREATE INDEX report_called ON report (called, at)",
        "CREATE INDEX report_caller ON report (caller, at)",
        "CREATE INDEX report_received ON report (received)",
        "CREATE INDEX report_reporter ON report (reporter, at) WHERE reporter IS NOT NULL",
        """CREATE TABLE quarantine (source TEXT NOT NULL, quarantine TEXT NOT NULL, batch TEXT NOT NULL,
            line INTEGER NOT NULL, format TEXT NOT NULL, raw BLOB NOT NULL, reason TEXT NOT NULL,
            detail TEXT NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL, resolved INTEGER,
            note TEXT NOT NULL, PRIMARY KEY (source, quarantine))""",
        "CREATE INDEX quarantine_state ON quarantine (source, state, at)",
        """CREATE TABLE batch (source TEXT NOT NULL, batch TEXT NOT NULL, idempotency TEXT, state TEXT NOT NULL,
            rows INTEGER NOT NULL, accepted INTEGER NOT NULL, duplicates INTEGER NOT NULL,
            quarantined INTEGER NOT NULL, origin TEXT NOT NULL, started INTEGER NOT NULL, finished INTEGER,
            answer TEXT, PRIMARY KEY (source, batch))""",
        "CREATE UNIQUE INDEX batch_idempotency ON batch (source, idempotency)",
        """CREATE TABLE outbox (source TEXT PRIMARY KEY, kind TEXT NOT NULL, address TEXT NOT NULL,
            every INTEGER NOT NULL, position TEXT NOT NULL, etag TEXT NOT NULL, next INTEGER NOT NULL,
            failures INTEGER NOT NULL, failure TEXT NOT NULL)""",
        # clockwork and audit
        "CREATE TABLE tally (tally TEXT PRIMARY KEY, events INTEGER NOT NULL)",
        "CREATE TABLE lease (lease TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL)",
        """CREATE TABLE job_run (run TEXT PRIMARY KEY, job TEXT NOT NULL, holder TEXT NOT NULL,
            started INTEGER NOT NULL, finished INTEGER, outcome TEXT NOT NULL, counts TEXT NOT NULL,
            detail TEXT NOT NULL)""",
        "CREATE INDEX job_run_started ON job_run (job, started)",
        """CREATE TABLE audit (entry INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL,
            action TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL, previous BLOB NOT NULL,
            hash BLOB NOT NULL)""",
    ),
)

MIGRATIONS: tuple[Migration, ...] = (FIRST,)

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
