"""What fines are called on pages: states, steps, how a sum came about line by line, what stands against a step.

Rules of this room: every line of a reasoning names its rule; what is said to officers is said to the party in the same
words.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from markupsafe import Markup

from registry.departments import DEPARTMENTS
from registry.errors import RegistryError
from registry.fining import HEAR_DAYS, PAY_DAYS, Penalty
from registry.penalties import Facts, Proposal, time_limit
from registry.rulebook import Rulebook
from web import casewords
from web.current import language_of
from web.showing import grouped, moment

HEARD_DAYS, PAID_DAYS = HEAR_DAYS, PAY_DAYS
STATES: Mapping[str, tuple[str, Any]] = {  # colour, word
    "proposed": ("warn", lazy_gettext("Proposed")),
    "noticed": ("warn", lazy_gettext("Notice given")),
    "decided": ("stop", lazy_gettext("Decided, to be paid")),
    "paid": ("ok", lazy_gettext("Paid")),
    "lapsed": ("plain", lazy_gettext("Lapsed")),
    "refused": ("plain", lazy_gettext("Turned down")),
    "withdrawn": ("plain", lazy_gettext("Withdrawn")),
    "to_department": ("plain", lazy_gettext("With another department")),
}
WORKED = ("proposed", "noticed", "decided")
ACTIONS: Mapping[str, Any] = {
    "propose": lazy_gettext("Proposed"),
    "notice": lazy_gettext("Notice given"),
    "ask": lazy_gettext("A hearing was asked for"),
    "state": lazy_gettext("The party wrote"),
    "hear": lazy_gettext("The party was heard"),
    "time_over": lazy_gettext("The time to ask for a hearing ended"),
    "decide": lazy_gettext("Decided"),
    "refuse": lazy_gettext("Turned down"),
    "withdraw": lazy_gettext("Withdrawn"),
    "refer": lazy_gettext("Referred to its department"),
    "pay": lazy_gettext("Paid"),
    "lapse": lazy_gettext("Lapsed"),
}
ROLES: Mapping[str, Any] = {
    "provider": lazy_gettext("Provider"),
    "carrier": lazy_gettext("Carrier"),
    "merchant": lazy_gettext("Merchant"),
}
_DUE: Mapping[str, Any] = {
    "proposed": lazy_gettext("Time limit of the fine"),
    "noticed": lazy_gettext("Answer to the notice"),
    "decided": lazy_gettext("Payment"),
}
_PROBLEMS: Mapping[str, Any] = {
    "not_noticed": lazy_gettext("The party has to be given notice first."),
    "noticed_already": lazy_gettext("Notice of these figures was given already."),
    "bad_hearing": lazy_gettext("A hearing is held after the notice, and not ahead of now."),
    "no_fine": lazy_gettext("No fine may be imposed for this (any longer)."),
    "bad_sum": lazy_gettext("The sum lies outside of what the rulebook allows."),
    "above_notice": lazy_gettext("No more can be decided than the notice said."),
    "figures_changed": lazy_gettext("The figures have changed since the notice: give notice again."),
    "no_such_penalty": lazy_gettext("There is no such fine."),
    "no_such_department": lazy_gettext("There is no such department."),
    "too_late": lazy_gettext("The time to ask for a hearing is over. You may still write."),
    "too_many_statements": lazy_gettext("You have written as often as is possible here; ask for a hearing instead."),
    "no_violation": lazy_gettext("No violation has gathered to this case yet, so nothing can be fined."),
}


def said(error: RegistryError) -> str:
    """What stands against a step, in one sentence."""
    return str(_PROBLEMS[error.code]) if error.code in _PROBLEMS else casewords.said(error)


def deadline(found: Penalty, now: datetime) -> tuple[str, str, str]:
    """The colour and the words of the deadline that runs, and what it is of; empty where none runs."""
    if found.due is None or found.state not in _DUE:
        return "plain", "–", ""
    of = "proposed" if found.state == "noticed" and found.due != found.hear_by else found.state
    return (*casewords.deadline(found.due, now), str(_DUE[of]))


def department(found: Penalty) -> str:
    """The department that a merchant's case went to, in words."""
    known = DEPARTMENTS.get(found.department)
    if known is None:
        return str(_("No department is known for its industry."))
    return known.zh if language_of() == "zh_CN" else known.en


def reasoning(
    rulebook: Rulebook, facts: Facts, proposal: Proposal, *, zone: str, now: datetime
) -> list[tuple[Markup, str]]:
    """How the figures came about, line by line, each with its rule."""
    last = _line(_("The last violation: %(at)s. Rulebook %(name)s holds."), at=moment(facts.at), name=rulebook.name)
    lines = [(last, "95")]
    if proposal.department:
        return [*lines, (_line(_("Merchants are not fined here; the case goes to their industry's department.")), "96")]
    if proposal.most:
        lines += [(each, "95") for each in _ceilings(rulebook, facts, proposal)]
        lines += [(each, "100") for each in _share(facts, proposal)]
    elif facts.minor and facts.corrected:
        lines.append((_line(_("It was minor and is corrected.")), "99"))
    ends = time_limit(facts.at, zone)
    limit = _("The time for a fine ended: %(at)s.") if ends <= now else _("A fine may be decided until %(at)s.")
    return [*lines, (_line(limit, at=moment(ends)), "99")]


def _ceilings(rulebook: Rulebook, facts: Facts, proposal: Proposal) -> list[Markup]:
    """The span, the ceiling by income, and which of both holds."""
    fines = rulebook.fines
    span = _line(
        _("The rulebook's span: %(least)s to %(most)s yuan."), least=grouped(fines.least), most=grouped(fines.most)
    )
    if facts.income:
        second = _line(
            _("Second ceiling: %(times)s × the illegal income of %(income)s yuan, %(cap)s yuan at most."),
            times=fines.income_multiple, income=grouped(facts.income), cap=grouped(fines.most_with_income),
        )
    else:
        cap = grouped(fines.most_without_income)
        second = _line(_("Second ceiling, without illegal income: %(cap)s yuan."), cap=cap)
    lower = _line(
        _("The lower ceiling holds: %(least)s to %(most)s yuan."),
        least=grouped(proposal.least), most=grouped(proposal.most),
    )
    return [span, second, lower]


def _share(facts: Facts, proposal: Proposal) -> list[Markup]:
    """How much of the span is proposed, and for what."""
    if facts.earlier:
        found = [_line(ngettext(
            "%(num)d earlier offence stands in the credit file, so the sum is higher.",
            "%(num)d earlier offences stand in the credit file, so the sum is higher.", facts.earlier,
        ))]  # fmt: skip
    else:
        found = [_line(_("It is the first offence."))]
    if facts.grave:
        found.append(_line(_("The circumstances are grave.")))
    return [*found, _line(_("The rules propose %(sum)s yuan."), sum=grouped(proposal.proposed))]


def _line(text: str, **values: object) -> Markup:
    return Markup(text) % values if values else Markup(text)  # noqa: S704 - our own texts; values are escaped
