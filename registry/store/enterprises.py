"""SQL about enterprise, resource: who answers for which number resource, and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from registry.enterprises import Enterprise
from registry.preferences import Category
from registry.resources import Resource
from registry.store.engine import Engine, Row
from registry.times import from_micros, to_micros
from registry.uscc import CompanyNumber

_ENTERPRISE = "enterprise, name, country, registration, category, province, party, created"
_RESOURCE = (
    "resource", "kind", "prefix", "number", "carrier", "provider", "content", "purpose", "licence", "signature",
    "since", "until", "ledger", "added",
)  # fmt: skip
_ALL = ", ".join(_RESOURCE)
_LOOKUP = 500
_NUMBERED = "registration <> ''"  # SQLite takes the index of the numbers only where this is said
_LONGEST = 20  # digits of a code
_ALL_OF_THEM = 1 << 40


class Enterprises:
    """Rows of enterprise and resource."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, enterprise: Enterprise, *, skeleton: str) -> None:
        """Write an enterprise, new or changed."""
        self.put_many([(enterprise, skeleton)])

    def put_many(self, enterprises: Iterable[tuple[Enterprise, str]]) -> int:
        """Write enterprises with their skeletons, new or changed; how many."""
        return self._engine.run_many(
            f"""INSERT INTO enterprise ({_ENTERPRISE}, skeleton)
            VALUES (:enterprise, :name, :country, :registration, :category, :province, :party, :created, :skeleton)
            ON CONFLICT (enterprise) DO UPDATE SET name = excluded.name, skeleton = excluded.skeleton,
                country = excluded.country, registration = excluded.registration, category = excluded.category,
                province = excluded.province, party = excluded.party""",  # noqa: S608 - fixed names
            (_enterprise_columns(each) | {"skeleton": skeleton} for each, skeleton in enterprises),
        )

    def alike(
        self, *, skeletons: Iterable[str], companies: Iterable[CompanyNumber]
    ) -> list[tuple[Enterprise, str]]:
        """The enterprises whose name is like one of these or whose registration number is one of these, each with its
        skeleton."""
        found: dict[str, tuple[Enterprise, str]] = {}
        numbers: dict[str, list[str]] = {}
        for company in companies:
            numbers.setdefault(company.country, []).append(company.number)
        asked: list[tuple[str, Sequence[str], dict[str, str]]] = [("skeleton IN :some", list(skeletons), {})]
        for country, some in numbers.items():
            asked.append((f"country = :country AND registration IN :some AND {_NUMBERED}", some, {"country": country}))
        for where, values, more in asked:
            wanted = sorted(set(values))
            for start in range(0, len(wanted), _LOOKUP):
                rows = self._engine.rows(
                    f"SELECT {_ENTERPRISE}, skeleton FROM enterprise WHERE {where}",  # noqa: S608 - fixed texts
                    some=tuple(wanted[start : start + _LOOKUP]), **more,
                )
                found.update((row["enterprise"], (_enterprise(row), row["skeleton"])) for row in rows)
        return list(found.values())

    def enterprise(self, enterprise: str) -> Enterprise | None:
        """An enterprise by id."""
        return self._one("enterprise = :enterprise", enterprise=enterprise)

    def of_company(self, company: CompanyNumber) -> Enterprise | None:
        """An enterprise by its registration number."""
        return self._one(
            f"country = :country AND registration = :registration AND {_NUMBERED}",
            country=company.country, registration=company.number,
        )

    def of_party(self, party: str) -> Enterprise | None:
        """The enterprise of an account."""
        return self._one("party = :party AND party <> ''", party=party)

    def called(self, skeleton: str) -> tuple[Enterprise, ...]:
        """The enterprises whose name is like this one, oldest first."""
        return self._many("skeleton = :skeleton ORDER BY created, enterprise", skeleton=skeleton)

    def these(self, ids: Iterable[str]) -> dict[str, Enterprise]:
        """Enterprises by id."""
        wanted, found = sorted(set(ids) - {""}), {}
        for start in range(0, len(wanted), _LOOKUP):
            part = tuple(wanted[start : start + _LOOKUP])
            found.update({each.enterprise: each for each in self._many("enterprise IN :ids", ids=part)})
        return found

    def named(self, text: str, *, skeleton: str, limit: int) -> tuple[Enterprise, ...]:
        """The enterprises of a registration number, or whose name holds one (a skeleton); the shortest names first."""
        return self._many(
            """(registration = :text AND :text <> '') OR (:skeleton <> '' AND skeleton LIKE :some)
            ORDER BY LENGTH(skeleton), skeleton, enterprise LIMIT :limit""",
            text=text, skeleton=skeleton, some=f"%{skeleton}%", limit=limit,
        )

    def reports_against(self, enterprise: str, *, since: int, until: int) -> int:
        """How many reports came in against an enterprise in a time (Micros), without those that are held."""
        row = self._engine.row(
            """SELECT (SELECT COUNT(*) FROM handling
                    WHERE provider = :it AND received >= :since AND received < :until)
                - (SELECT COUNT(*) FROM handling
                    WHERE provider = :it AND received >= :since AND received < :until AND held <> '')
                + (SELECT COUNT(*) FROM handling WHERE provider = '' AND content = :it AND content <> ''
                    AND received >= :since AND received < :until AND held = '') AS n""",
            it=enterprise, since=since, until=until,
        )
        return int(row["n"]) if row else 0

    def _one(self, where: str, **values: Any) -> Enterprise | None:
        found = self._many(where, **values)
        return found[0] if found else None

    def _many(self, where: str, **values: Any) -> tuple[Enterprise, ...]:
        rows = self._engine.rows(f"SELECT {_ENTERPRISE} FROM enterprise WHERE {where}", **values)  # noqa: S608 - fixed
        return tuple(map(_enterprise, rows))

    # resources

    def put_resources(self, resources: Iterable[Resource]) -> int:
        """Write resources, new or changed; how many."""
        marks = ", ".join(f":{name}" for name in _RESOURCE)
        changes = ", ".join(f"{name} = excluded.{name}" for name in _RESOURCE[1:])
        return self._engine.run_many(
            f"INSERT INTO resource ({_ALL}) VALUES ({marks}) ON CONFLICT (resource) DO UPDATE SET {changes}",  # noqa: S608
            map(_columns, resources),
        )

    def resource(self, resource: str) -> Resource | None:
        """A resource by id."""
        found = self._resources("resource = :resource", resource=resource)
        return found[0] if found else None

    def under(self, prefixes: Sequence[str]) -> tuple[Resource, ...]:
        """All resources, of whatever time, whose digits are among these."""
        return self._slices("prefix IN :each AND prefix <> '' ORDER BY prefix, since, resource", prefixes)

    def of_numbers(self, numbers: Sequence[bytes]) -> tuple[Resource, ...]:
        """All resources, of whatever time, that are one of these plain numbers (sealed)."""
        return self._slices("number IN :each ORDER BY number, since, resource", numbers)

    def of_enterprise(self, enterprise: str, *, limit: int | None = None, after: int = 0) -> tuple[Resource, ...]:
        """What an enterprise sends from or stands behind, of whatever time, newest first."""
        found = self._resources(
            """provider = :enterprise OR content = :enterprise
            ORDER BY since DESC, resource LIMIT :limit OFFSET :after""",
            enterprise=enterprise, limit=_ALL_OF_THEM if limit is None else limit, after=after,
        )
        return tuple(found)

    def beneath(self, prefix: str, *, at: datetime, limit: int) -> tuple[Resource, ...]:
        """What stands at a moment beneath the digits of a code: entries with more digits, by their digits."""
        found = self._resources(
            """prefix > :prefix AND prefix <= :last AND prefix <> '' AND since <= :at AND (until = 0 OR until > :at)
            ORDER BY prefix, since LIMIT :limit""",
            prefix=prefix, last=prefix + "9" * _LONGEST, at=to_micros(at), limit=limit,
        )
        return tuple(found)

    def with_gaps(self, *, at: int, carrier: str = "", after: str = "", limit: int) -> tuple[Resource, ...]:
        """What stands at a time (Micros) and names no provider or no content, by id, from behind one on."""
        own = "carrier = :carrier AND" if carrier else ""
        found = self._resources(
            f"""LENGTH(provider) * LENGTH(content) = 0 AND {own} since <= :at AND (until = 0 OR until > :at)
            AND resource > :after ORDER BY resource LIMIT :limit""",
            at=at, after=after, limit=limit, **({"carrier": carrier} if carrier else {}),
        )
        return tuple(found)

    def resources(self, ids: Iterable[str]) -> dict[str, Resource]:
        """Resources by id."""
        wanted, found = sorted(set(ids)), list[Resource]()
        for start in range(0, len(wanted), _LOOKUP):
            found += self._resources("resource IN :some", some=tuple(wanted[start : start + _LOOKUP]))
        return {each.resource: each for each in found}

    def of_carrier(self, carrier: str, *, at: int, after: str = "", limit: int | None = None) -> tuple[Resource, ...]:
        """What stands in a carrier's ledger at a time (Micros), by id, from behind one on."""
        found = self._resources(
            """carrier = :carrier AND since <= :at AND (until = 0 OR until > :at) AND resource > :after
            ORDER BY resource LIMIT :limit""",
            carrier=carrier, at=at, after=after, limit=_ALL_OF_THEM if limit is None else limit,
        )
        return tuple(found)

    def places_of_carrier(self, carrier: str, *, at: int) -> dict[str, str | bytes]:
        """The digits or number (sealed) of each entry that stands in a carrier's ledger at a time (Micros)."""
        pages = self._engine.stream(
            """SELECT resource, prefix, number FROM resource
            WHERE carrier = :carrier AND since <= :at AND (until = 0 OR until > :at) ORDER BY resource""",
            carrier=carrier, at=at,
        )
        return {resource: number or prefix for page in pages for resource, prefix, number in page}

    def _slices(self, where: str, items: Sequence[Any]) -> tuple[Resource, ...]:
        wanted, found = sorted(set(items)), list[Resource]()
        for start in range(0, len(wanted), _LOOKUP):
            found += self._resources(where, each=tuple(wanted[start : start + _LOOKUP]))
        return tuple(found)

    def _resources(self, where: str, **values: Any) -> list[Resource]:
        rows = self._engine.rows(f"SELECT {_ALL} FROM resource WHERE {where}", **values)  # noqa: S608 - fixed texts
        return [_resource(row) for row in rows]


def _enterprise(row: Row) -> Enterprise:
    company = CompanyNumber(row["country"], row["registration"]) if row["registration"] else None
    category = Category(row["category"]) if row["category"] >= 0 else None
    return Enterprise(
        row["enterprise"], row["name"], company, category, row["province"], row["party"], from_micros(row["created"])
    )


def _enterprise_columns(enterprise: Enterprise) -> dict[str, Any]:
    company = enterprise.company
    return {
        "enterprise": enterprise.enterprise, "name": enterprise.name, "country": company.country if company else "",
        "registration": company.number if company else "",
        "category": -1 if enterprise.category is None else int(enterprise.category), "province": enterprise.province,
        "party": enterprise.party, "created": to_micros(enterprise.created),
    }  # fmt: skip


def _columns(resource: Resource) -> dict[str, Any]:
    row = {name: getattr(resource, name) for name in _RESOURCE}
    until = to_micros(resource.until) if resource.until else 0
    return row | {"since": to_micros(resource.since), "until": until, "added": to_micros(resource.added)}


def _resource(row: Row) -> Resource:
    until = from_micros(row["until"]) if row["until"] else None
    return Resource(**dict(row) | {"since": from_micros(row["since"]), "until": until,
                                   "added": from_micros(row["added"])})  # fmt: skip
