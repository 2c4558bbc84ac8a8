"""Words of telemarketers' accounts in the language of the page: states, events of the trail, what is wrong.

Rules of this room: as in `labels`, which hands these words out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext

APPLICATION: Mapping[str, Any] = {
    "waiting": lazy_gettext("Undecided"),
    "approved": lazy_gettext("Approved"),
    "refused": lazy_gettext("Refused"),
}

STATES: Mapping[str, tuple[str, Any]] = {  # slug -> colour, word
    "undecided": ("warn", APPLICATION["waiting"]),
    "approved": ("ok", APPLICATION["approved"]),
}

ACTIONS: Mapping[str, Any] = {  # of the audit trail
    "application_made": lazy_gettext("Application made"),
    "application_approved": lazy_gettext("Application approved"),
    "application_refused": lazy_gettext("Application refused"),
    "applications_erased": lazy_gettext("Applications erased"),
    "party_described": lazy_gettext("Company of a party changed"),
    "party_tier": lazy_gettext("Licence tier changed"),
    "principal_added": lazy_gettext("Principal added"),
    "principal_ended": lazy_gettext("Principal ended"),
}

ERRORS: Mapping[str, Any] = {
    "bad_name": lazy_gettext("A name has 2 to 120 Chinese or Latin letters, digits and usual signs."),
    "bad_name_en": lazy_gettext("A name has 2 to 120 Chinese or Latin letters, digits and usual signs."),
    "bad_principal": lazy_gettext("A company needs its registration number, then its name."),
    "bad_country": lazy_gettext("Please choose one."),
    "bad_credit_code": lazy_gettext("A unified social credit code has 18 digits and letters, and no I, O, S, V, Z."),
    "credit_code_check": lazy_gettext("This code cannot be right: one of its characters is mistyped."),
    "bad_registration": lazy_gettext("A registration number has 3 to 40 letters, digits and signs, with a digit."),
    "bad_sectors": lazy_gettext("Please tick at least one industry."),
    "acts_for_nobody": lazy_gettext("Do you call for yourselves, or for others? Please tick this or name them."),
    "own_company": lazy_gettext("This is your company itself; it needs no entry here."),
    "too_many_principals": lazy_gettext("These are too many. Please name the others later, on your own pages."),
    "principal_known": lazy_gettext("You named this company for that time already."),
    "principal_ended": lazy_gettext("This ended already."),
    "no_such_principal": lazy_gettext("You act for no such company."),
    "bad_on_behalf": lazy_gettext("Please choose a company for which you act at that time."),
    "bad_period": lazy_gettext("The end comes after the beginning."),
    "bad_contact_name": lazy_gettext("Please fill this in."),
    "bad_email": lazy_gettext("This is not an email address."),
    "bad_tier": lazy_gettext("There is no such licence tier."),
    "applications_full": lazy_gettext("Very many applications wait already. Please try again in a few days."),
    "no_such_application": lazy_gettext("Reference or secret is wrong, or the application was erased."),
    "decided_already": lazy_gettext("Another officer has decided about it already."),
    "company_known": lazy_gettext("This company has an account already. Its owner can invite members."),
    "no_reason": lazy_gettext("Please say why."),
}
