"""Enterprises: organisations that answer for number resources or for what is sent through them, with an account or not.

Rules of this room:
- An enterprise stands once: by its registration number, or by its name where nobody said one; names that differ only in
  form (`companynames.skeleton`) are one name. A number that is said later completes the entry.
- The account (party) of an enterprise may come later, or never: whoever answers need not be a customer of ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from registry.companynames import company_name, skeleton
from registry.errors import ConflictError, NotFoundError
from registry.naming import new_id
from registry.preferences import Category

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.store import Store
    from registry.uscc import CompanyNumber


@dataclass(frozen=True, slots=True)
class Enterprise:
    """An organisation that answers for something. `category`: its industry; `party`: its account, "" for none."""

    enterprise: str
    name: str
    company: CompanyNumber | None
    category: Category | None
    province: str
    party: str
    created: datetime


def enrol(
    store: Store, clock: Clock, *, name: str, company: CompanyNumber | None = None, category: Category | None = None,
    province: str = "", party: str = "",
) -> Enterprise:
    """The enterprise of a name and number, entered where it was not known; what was unknown of it is completed.

    Raises InvalidInputError bad_name.
    """
    with store.writing(about="enterprises"):
        return enrol_inside(
            store, clock, name=name, company=company, category=category, province=province, party=party
        )


def enrol_inside(
    store: Store, clock: Clock, *, name: str, company: CompanyNumber | None = None, category: Category | None = None,
    province: str = "", party: str = "",
) -> Enterprise:
    """As `enrol`, inside `writing(about="enterprises")`. Raises ConflictError company_differs as well: two numbers for
    one account."""
    written = company_name(name)
    known = store.enterprises.of_company(company) if company else None
    if known is None:
        alike = store.enterprises.called(skeleton(written))
        known = next((found for found in alike if company is None or found.company is None), None)
    if known is None:
        known = Enterprise(f"e_{new_id()}", written, company, category, province, party, clock.now())
        store.enterprises.put(known, skeleton=skeleton(written))
        return known
    if party and known.party and known.party != party:
        raise ConflictError("This enterprise has another account already.", code="company_differs")
    whole = replace(
        known, company=known.company or company, category=category if known.category is None else known.category,
        province=known.province or province, party=known.party or party,
    )
    if whole != known:
        store.enterprises.put(whole, skeleton=skeleton(whole.name))
    return whole


def enterprise_of(store: Store, enterprise: str) -> Enterprise:
    """An enterprise by id. Raises NotFoundError no_such_enterprise."""
    found = store.enterprises.enterprise(enterprise)
    if found is None:
        raise NotFoundError("There is no such enterprise.", code="no_such_enterprise")
    return found


