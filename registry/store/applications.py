"""SQL about application: telemarketers who want an account."""

from __future__ import annotations

from registry.applications import Application, principals_from, principals_text
from registry.store.engine import Engine, Row
from registry.times import from_micros, to_micros
from registry.uscc import CompanyNumber

_ALL = (
    "reference, state, name_zh, name_en, country, registration, sectors, itself, principals, contact, language, "
    "created, decided, decided_by, note, party"
)


class Applications:
    """Rows of application."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, application: Application, *, secret: bytes, form: bytes) -> None:
        """Add an application; `secret` is the SHA-256 of its secret, `form` stands for the form that was sent."""
        self._engine.run(
            f"""INSERT INTO application ({_ALL}, secret, form) VALUES (:reference, :state, :name_zh, :name_en, :country,
                :registration, :sectors, :itself, :principals, :contact, :language, :created, 0, '', '', '', :secret,
                :form)""",  # noqa: S608 - fixed names
            reference=application.reference, state=application.state, name_zh=application.name_zh,
            name_en=application.name_en, country=application.company.country,
            registration=application.company.number, sectors=application.sectors, itself=int(application.itself),
            principals=principals_text(application.principals), contact=application.contact,
            language=application.language, created=to_micros(application.created), secret=secret, form=form,
        )

    def of_form(self, form: bytes) -> str | None:
        """The reference of the application that came with a form."""
        row = self._engine.row("SELECT reference FROM application WHERE form = :form", form=form)
        return str(row["reference"]) if row else None

    def application(self, reference: str) -> Application | None:
        """One application."""
        row = self._engine.row(f"SELECT {_ALL} FROM application WHERE reference = :reference", reference=reference)  # noqa: S608
        return _application(row) if row else None

    def secret(self, reference: str) -> bytes | None:
        """The SHA-256 of an application's secret."""
        row = self._engine.row("SELECT secret FROM application WHERE reference = :reference", reference=reference)
        return bytes(row["secret"]) if row else None

    def waiting(self) -> int:
        """How many wait for a decision."""
        row = self._engine.row("SELECT COUNT(*) AS count FROM application WHERE state = 'waiting'")
        return int(row["count"]) if row else 0

    def all(self, *, state: str = "", after: int = 0, limit: int = 50) -> tuple[Application, ...]:
        """Applications (of one state), those that wait first, the oldest first; `after` so many."""
        rows = self._engine.rows(
            f"""SELECT {_ALL} FROM application WHERE :state = '' OR state = :state
            ORDER BY CASE WHEN state = 'waiting' THEN 0 ELSE 1 END,
                CASE WHEN state = 'waiting' THEN created ELSE -decided END, reference
            LIMIT :limit OFFSET :after""",  # noqa: S608 - fixed names
            state=state, after=after, limit=limit,
        )
        return tuple(map(_application, rows))

    def of_company(self, company: CompanyNumber) -> tuple[Application, ...]:
        """The applications of a company, newest first."""
        rows = self._engine.rows(
            f"""SELECT {_ALL} FROM application WHERE country = :country AND registration = :registration
            ORDER BY created DESC, reference LIMIT 20""",  # noqa: S608 - fixed names
            country=company.country, registration=company.number,
        )
        return tuple(map(_application, rows))

    def decide(self, application: Application) -> None:
        """Store what was decided."""
        self._engine.run(
            """UPDATE application SET state = :state, decided = :decided, decided_by = :by, note = :note, party = :party
            WHERE reference = :reference""",
            reference=application.reference, state=application.state,
            decided=to_micros(application.decided) if application.decided else 0, by=application.decided_by,
            note=application.note, party=application.party,
        )

    def erase(self, *, decided: int, waiting: int) -> int:
        """Erase what was decided before a time (Micros), and what waits since before another; how many."""
        return self._engine.run(
            """DELETE FROM application WHERE (state <> 'waiting' AND decided < :decided)
                OR (state = 'waiting' AND created < :waiting)""",
            decided=decided, waiting=waiting,
        )


def _application(row: Row) -> Application:
    return Application(
        row["reference"], row["state"], row["name_zh"], row["name_en"],
        CompanyNumber(row["country"], row["registration"]), row["sectors"], bool(row["itself"]),
        principals_from(row["principals"]), bytes(row["contact"]), row["language"], from_micros(row["created"]),
        from_micros(row["decided"]) if row["decided"] else None, row["decided_by"], row["note"], row["party"],
    )
