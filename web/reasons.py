"""Why a decision or a verdict is as it is, in one sentence each, in the language of the page.

Rules of this room: as in `labels`, which hands these sentences out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext

REASONS: Mapping[str, Any] = {  # of decisions and verdicts (RULES 49)
    "public_interest": lazy_gettext("It is of public interest: never suppressed by a preference."),
    "emergency_number": lazy_gettext("Emergency, government and carriers' service numbers are never blocked."),
    "caller_hidden": lazy_gettext("The caller's number is missing, altered or false."),
    "caller_unassigned": lazy_gettext("The caller's number belongs to a range that nobody holds."),
    "port_unregistered": lazy_gettext("The message came from a port that is not registered."),
    "sender_unlicensed": lazy_gettext("The sender has no licence for commercial calls or messages."),
    "service": lazy_gettext("It is a service message or call, which nobody may restrict without reason."),
    "commercial_on_service_port": lazy_gettext("Service ports and lines may not carry commercial content."),
    "call_centre_marketing": lazy_gettext("Call centres may not market by outbound calls, even with consent."),
    "personal_allow": lazy_gettext("This company is on the personal allow list."),
    "merchant_refused": lazy_gettext("This company was refused, which binds all its numbers."),
    "personal_deny": lazy_gettext("This company is on the personal deny list."),
    "everything_declined": lazy_gettext("All commercial contacts of this kind were declined."),
    "category_declined": lazy_gettext("Commercial contacts of this industry were declined."),
    "no_consent": lazy_gettext("Such a contact needs consent, and none is recorded."),
    "consent_lapsed": lazy_gettext("The consent had ended by then; it does not renew itself."),
    "outside_consent": lazy_gettext("The consent does not cover this kind of contact."),
    "consent_spent": lazy_gettext("The consent allows fewer contacts than that."),
    "too_often": lazy_gettext("The same sender has called this number too often."),
    "quiet_hours": lazy_gettext("It fell into the quiet time that was chosen."),
    "rest_hours": lazy_gettext("It fell into everybody's hours of rest."),
    "within_grace": lazy_gettext("The refusal was too young to be known everywhere."),
    "consented": lazy_gettext("Consent was given."),
    "no_recorded_will": lazy_gettext("Nothing was recorded against it."),
    "receipt_allowed": lazy_gettext("The sender holds a receipt: it had asked before, and was told that it may."),
    "receipt_declined": lazy_gettext("The sender holds a receipt: it had asked before, and was told that it may not."),
    "no_called_number": lazy_gettext("The report names no called number and counts towards the caller only."),
    "no_rulebook": lazy_gettext("No rulebook was in force on that day."),
}
