"""SQL about organisation, principal: companies behind telemarketers' accounts, and for whom they act."""

from __future__ import annotations

from registry.organisations import Organisation, Principal
from registry.store.engine import Engine, Row
from registry.times import from_micros, to_micros
from registry.uscc import CompanyNumber

_ORGANISATION = "party, country, registration, sectors, itself, since, contact"
_PRINCIPAL = "principal, party, name, country, registration, since, until"


class Organisations:
    """Rows of organisation and principal."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def organisation(self, party: str) -> Organisation | None:
        """The company behind a party."""
        row = self._engine.row(f"SELECT {_ORGANISATION} FROM organisation WHERE party = :party", party=party)  # noqa: S608 - fixed
        return _organisation(row) if row else None

    def of_company(self, company: CompanyNumber) -> Organisation | None:
        """The company of a registration number, where it has an account."""
        row = self._engine.row(
            f"""SELECT {_ORGANISATION} FROM organisation
            WHERE country = :country AND registration = :registration""",  # noqa: S608 - fixed names
            country=company.country, registration=company.number,
        )
        return _organisation(row) if row else None

    def put(self, organisation: Organisation) -> None:
        """Add or change the company behind a party; since when it is there stays."""
        self._engine.run(
            f"""INSERT INTO organisation ({_ORGANISATION})
            VALUES (:party, :country, :registration, :sectors, :itself, :since, :contact)
            ON CONFLICT (party) DO UPDATE SET country = excluded.country, registration = excluded.registration,
                sectors = excluded.sectors, itself = excluded.itself, contact = excluded.contact""",  # noqa: S608
            party=organisation.party, country=organisation.company.country,
            registration=organisation.company.number, sectors=organisation.sectors, itself=int(organisation.itself),
            since=to_micros(organisation.since), contact=organisation.contact,
        )

    def principals(self, party: str) -> tuple[Principal, ...]:
        """For whom a party acts or acted, by name."""
        rows = self._engine.rows(
            f"SELECT {_PRINCIPAL} FROM principal WHERE party = :party ORDER BY name, since, principal",  # noqa: S608
            party=party,
        )
        return tuple(map(_principal, rows))

    def principal(self, principal: str) -> Principal | None:
        """A principal by id."""
        row = self._engine.row(
            f"SELECT {_PRINCIPAL} FROM principal WHERE principal = :principal", principal=principal  # noqa: S608
        )
        return _principal(row) if row else None

    def add_principal(self, principal: Principal) -> None:
        """Add a principal."""
        self._engine.run(
            f"""INSERT INTO principal ({_PRINCIPAL})
            VALUES (:principal, :party, :name, :country, :registration, :since, :until)""",  # noqa: S608 - fixed names
            principal=principal.principal, party=principal.party, name=principal.name,
            country=principal.company.country, registration=principal.company.number,
            since=to_micros(principal.since), until=to_micros(principal.until) if principal.until else 0,
        )

    def end_principal(self, principal: str, *, until: int) -> None:
        """Say until when (Micros) a principal is acted for."""
        self._engine.run(
            "UPDATE principal SET until = :until WHERE principal = :principal", principal=principal, until=until
        )


def _organisation(row: Row) -> Organisation:
    return Organisation(
        row["party"], CompanyNumber(row["country"], row["registration"]), row["sectors"], bool(row["itself"]),
        from_micros(row["since"]), bytes(row["contact"]),
    )


def _principal(row: Row) -> Principal:
    return Principal(
        row["principal"], row["party"], row["name"], CompanyNumber(row["country"], row["registration"]),
        from_micros(row["since"]), from_micros(row["until"]) if row["until"] else None,
    )
