"""Enterprises: organisations that answer for number resources or for what is sent through them, with an account or not.

Rules of this room:
- An enterprise stands once: by its registration number, or by its name where nobody said one; names that differ only in
  form (`companynames.skeleton`) are one name. A number that is said later completes the entry.
- The account (party) of an enterprise may come later, or never: whoever answers need not be a customer of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from registry.companynames import company_name, skeleton
from registry.errors import ConflictError, NotFoundError
from registry.naming import new_id, new_ids
from registry.preferences import Category

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.store import Store
    from registry.uscc import CompanyNumber


Called = tuple[str, "CompanyNumber | None"]  # an organisation as somebody names it


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


def forms_of(names: Iterable[Called]) -> dict[Called, tuple[str, str]]:
    """The one form of each name, and what it is looked up by. Raises InvalidInputError bad_name."""
    written = {name: company_name(name[0]) for name in names}
    return {name: (form, skeleton(form)) for name, form in written.items()}


def enrol_many_inside(store: Store, clock: Clock, names: Mapping[Called, tuple[str, str]]) -> dict[Called, str]:
    """What `enrol_inside` comes to for each of many names (with their `forms_of`) in their order, in a few statements:
    their enterprises by id."""
    now, ids = clock.now(), iter(sorted(new_ids(len(names))))  # sorted: indexes grow at one place
    found = store.enterprises.alike(
        skeletons=[form for _, form in names.values()], companies=[company for _, company in names if company]
    )
    known = {each.enterprise: each for each, _ in found}
    forms = {each.enterprise: form for each, form in found}
    of_company = {each.company: each.enterprise for each in known.values() if each.company}
    called: dict[str, list[str]] = {}
    for each in sorted(known.values(), key=lambda entry: (entry.created, entry.enterprise)):
        called.setdefault(forms[each.enterprise], []).append(each.enterprise)
    taken, changed = dict[Called, str](), dict[str, str]()
    for (name, company), (written, form) in names.items():
        it = of_company.get(company) if company else None
        if it is None:
            it = next((one for one in called.get(form, ()) if company is None or known[one].company is None), None)
        if it is None:
            it = f"e_{next(ids)}"
            known[it] = Enterprise(it, written, company, None, "", "", now)
            called.setdefault(form, []).append(it)
            changed[it] = form
        elif company and known[it].company is None:
            known[it] = replace(known[it], company=company)
            changed[it] = forms.get(it, form)
        if company:
            of_company[company] = it
        taken[name, company] = it
    store.enterprises.put_many((known[it], form) for it, form in changed.items())
    return taken


def enterprise_of(store: Store, enterprise: str) -> Enterprise:
    """An enterprise by id. Raises NotFoundError no_such_enterprise."""
    found = store.enterprises.enterprise(enterprise)
    if found is None:
        raise NotFoundError("There is no such enterprise.", code="no_such_enterprise")
    return found


