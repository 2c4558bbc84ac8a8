"""What the slugs of the registry are called on pages, in the language of the page.

Rules of this room: texts are English here and translated when shown; an unknown slug is shown as it is, never hidden; a
reason says why in one sentence, its rule number stands beside it; an error's sentence says what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, lazy_gettext, ngettext

from registry.errors import RegistryError, TooManyError
from registry.preferences import Category, Channel
from web import bulletinlabels, cluelabels, joiningwords
from web.joblabels import JOB_WORDS
from web.openwords import OPEN_WORDS
from web.reasons import REASONS
from web.refusals import refusal_sentence

CATEGORIES: Mapping[Category, Any] = {
    Category.LOAN: lazy_gettext("Loans and wealth"),
    Category.COLLECTION: lazy_gettext("Debt collection"),
    Category.PROPERTY: lazy_gettext("Real estate"),
    Category.INSURANCE: lazy_gettext("Insurance"),
    Category.SECURITIES: lazy_gettext("Securities and shares"),
    Category.EDUCATION: lazy_gettext("Education and training"),
    Category.RECRUIT: lazy_gettext("Recruitment"),
    Category.HOME: lazy_gettext("Home services"),
    Category.MATERNAL: lazy_gettext("Maternal and child health"),
    Category.TRAVEL: lazy_gettext("Travel and visas"),
    Category.RETAIL: lazy_gettext("Retail"),
    Category.TELECOM: lazy_gettext("Telecom offers"),
    Category.GAME: lazy_gettext("Online games"),
    Category.FOOD: lazy_gettext("Food and medicine"),
    Category.RENOVATION: lazy_gettext("Renovation"),
    Category.OTHER: lazy_gettext("Other marketing"),
}

CHANNELS: Mapping[Channel, Any] = {
    Channel.CALLS: lazy_gettext("Calls"),
    Channel.ROBOCALLS: lazy_gettext("Recorded calls"),
    Channel.MESSAGES: lazy_gettext("Texts"),
}

CONTENTS: Mapping[str, Any] = {
    "commercial": lazy_gettext("Commercial"),
    "service": lazy_gettext("Service notice"),
    "public_interest": lazy_gettext("Public interest"),
}

WEEKDAYS = (
    lazy_gettext("Monday"), lazy_gettext("Tuesday"), lazy_gettext("Wednesday"), lazy_gettext("Thursday"),
    lazy_gettext("Friday"), lazy_gettext("Saturday"), lazy_gettext("Sunday"),
)  # fmt: skip

WORDS: Mapping[str, Mapping[str, Any]] = {
    "application": joiningwords.APPLICATION,
    "event": {
        "registered": lazy_gettext("Registered"),
        "changed": lazy_gettext("Changed"),
        "withdrawn": lazy_gettext("Withdrawn"),
        "expired": lazy_gettext("Expired"),
        "ported": lazy_gettext("Moved to another carrier"),
        "deactivated": lazy_gettext("Out of service"),
        "recycled": lazy_gettext("Number given to another holder"),
    },
    "happened": {
        "ported_in": lazy_gettext("Ported in"),
        "ported_out": lazy_gettext("Ported out"),
        "deactivated": lazy_gettext("Out of service"),
        "recycled": lazy_gettext("Recycled"),
        "reassigned": lazy_gettext("Given to another holder"),
    },
    "settled": {
        "waiting": lazy_gettext("Waits for its time"),
        "done": lazy_gettext("Carried out"),
        "noted": lazy_gettext("Noted"),
        "matched": lazy_gettext("Known already"),
        "held": lazy_gettext("Held"),
        "refused": lazy_gettext("Refused"),
    },
    "conflict": {
        "not_portable": lazy_gettext("Numbers of this range cannot change their carrier."),
        "claimed_twice": lazy_gettext("Another carrier has taken the number lately and has not given it away."),
        "contradicted": lazy_gettext("Another event about the number says something else."),
        "other_giver": lazy_gettext("The number did not come from the carrier that is named."),
        "not_serving": lazy_gettext("The carrier does not serve this number."),
        "out_of_order": lazy_gettext("The event lies before one that was carried out already."),
    },
    "source": {
        "web": lazy_gettext("on this site"),
        "people": lazy_gettext("on this site"),
        "api": lazy_gettext("through an API"),
        "carrier": lazy_gettext("through the carrier"),
        "demo": lazy_gettext("in the demo"),
    },
    "kind": {
        "carrier": lazy_gettext("Carrier"),
        "telemarketer": lazy_gettext("Telemarketer"),
        "centre": lazy_gettext("Report centre"),
        "regulator": lazy_gettext("Regulator"),
    },
    "role": {
        "owner": lazy_gettext("Owner"),
        "officer": lazy_gettext("Officer"),
        "clerk": lazy_gettext("Clerk"),
        "scrubber": lazy_gettext("Checks call lists"),
        "reader": lazy_gettext("Reader"),
        "operator": lazy_gettext("Operator"),
        "auditor": lazy_gettext("Auditor"),
        "intake": lazy_gettext("Intake"),
        "investigator": lazy_gettext("Investigator"),
        "decider": lazy_gettext("Decider"),
        "publisher": lazy_gettext("Publisher"),
    },
    "scope": {
        "home": lazy_gettext("Own subscribers"),
        "national": lazy_gettext("All numbers"),
        "sandbox": lazy_gettext("Magic numbers only"),
        "feed": lazy_gettext("Follow the feed"),
        "reports": lazy_gettext("Send reports"),
        "number-events": lazy_gettext("Send number events"),
        "registrations": lazy_gettext("Register numbers"),
        "resources": lazy_gettext("Keep the ledger of number resources"),
        "measures": lazy_gettext("Read, confirm and appeal measures"),
        "check": lazy_gettext("Check single numbers"),
        "scrub": lazy_gettext("Have call lists checked"),
        "desk": lazy_gettext("Answer reports on the own desk"),
        "webhooks": lazy_gettext("Be told of events"),
        "read": lazy_gettext("Read figures"),
        "metrics": lazy_gettext("Read the metrics"),
    },
    "epoch": {
        "current": lazy_gettext("Current"),
        "overlap": lazy_gettext("Overlap: still published"),
        "retained": lazy_gettext("Retained: no longer published"),
        "over": lazy_gettext("Over: about to be destroyed"),
        "destroyed": lazy_gettext("Destroyed"),
    },
    "file": {
        "full": lazy_gettext("Full list"),
        "delta": lazy_gettext("Changes"),
        "rollup": lazy_gettext("Roll-up"),
        "same": lazy_gettext("No change"),
    },
    "mode": {
        "human": lazy_gettext("A person spoke"),
        "recorded": lazy_gettext("A recording"),
        "ring_once": lazy_gettext("Rang once"),
        "bombing": lazy_gettext("Called again and again"),
    },
    "action": {  # of the audit trail
        "report_answer": lazy_gettext("Report answered"),
        "evidence_seen": lazy_gettext("Evidence looked at"),
        "party_added": lazy_gettext("Party added"),
        "party_suspended": lazy_gettext("Party suspended"),
        "party_active": lazy_gettext("Party active again"),
        "member_added": lazy_gettext("Member added"),
        "member_invited": lazy_gettext("Member invited"),
        "member_suspended": lazy_gettext("Member suspended"),
        "invitation_accepted": lazy_gettext("Invitation accepted"),
        "password_given": lazy_gettext("Password given"),
        "sign_in_failed": lazy_gettext("Sign-in failed"),
        "signed_in": lazy_gettext("Signed in"),
        "second_factor_set": lazy_gettext("Second factor set up"),
        "second_factor_failed": lazy_gettext("Second factor failed"),
        "key_issued": lazy_gettext("Key issued"),
        "key_revoked": lazy_gettext("Key revoked"),
        "key_epoch_began": lazy_gettext("Key epoch began"),
        "key_epoch_destroyed": lazy_gettext("Master of a key epoch destroyed"),
        "public_key_registered": lazy_gettext("Public key registered"),
        "public_key_changed": lazy_gettext("Public key changed"),
        "root_published": lazy_gettext("Root of trust published"),
        "finding_seen": lazy_gettext("Alarm settled"),
        "guard_alarm": lazy_gettext("Alarm about what a telemarketer asks for"),
        "guard_decided": lazy_gettext("Alarm decided"),
        "guard_lane": lazy_gettext("Party moved to another lane"),
        "decoys_planted": lazy_gettext("Decoys planted"),
        "decoys_lifted": lazy_gettext("Decoys lifted"),
        "webhook_added": lazy_gettext("Webhook added"),
        "webhook_changed": lazy_gettext("Webhook changed"),
        "webhook_removed": lazy_gettext("Webhook removed"),
        "webhook_rotated": lazy_gettext("Secret of a webhook rotated"),
        "webhook_resent": lazy_gettext("Webhook sent again"),
        "outbox_set": lazy_gettext("Outbox set"),
        "outbox_removed": lazy_gettext("Outbox removed"),
        **joiningwords.ACTIONS,
        **bulletinlabels.ACTIONS,
        **cluelabels.ACTIONS,
    },
    "follows": {  # resellers
        "self": lazy_gettext("by itself"),
        "host": lazy_gettext("through its host"),
        "both": lazy_gettext("by itself and through its host"),
    },
    "only": {  # which batches
        "quarantined": lazy_gettext("With quarantined rows"),
        "duplicates": lazy_gettext("With duplicates"),
        "open": lazy_gettext("Open"),
        "done": lazy_gettext("Done"),
        "refused": lazy_gettext("Refused"),
    },
    "origin": {  # of batches
        "api": lazy_gettext("API"),
        "inbox": lazy_gettext("Inbox folder"),
        "outbox": lazy_gettext("Your outbox"),
    },
    **JOB_WORDS,
    **OPEN_WORDS,
}

STATES: Mapping[str, tuple[str, Any]] = {  # slug -> colour, word
    **joiningwords.STATES,
    **bulletinlabels.STATES,
    "active": ("ok", lazy_gettext("Active")),
    "withdrawn": ("plain", lazy_gettext("Withdrawn")),
    "expired": ("plain", lazy_gettext("Expired")),
    "recycled": ("plain", lazy_gettext("Ended")),
    "suspended": ("stop", lazy_gettext("Suspended")),
    "invited": ("warn", lazy_gettext("Invited")),
    "revoked": ("plain", lazy_gettext("Revoked")),
    "agrees": ("ok", lazy_gettext("In sync")),
    "waiting": ("warn", lazy_gettext("Fetching")),
    "late": ("stop", lazy_gettext("Behind")),
    "drift": ("stop", lazy_gettext("Differs")),
    "silent": ("warn", lazy_gettext("Not heard yet")),
    "empty": ("plain", lazy_gettext("Nothing published")),
    "accepted": ("ok", lazy_gettext("Accepted")),
    "duplicate": ("plain", lazy_gettext("Duplicate")),
    "quarantined": ("warn", lazy_gettext("Quarantined")),
    "violation": ("stop", lazy_gettext("Violation")),
    "allowed": ("ok", lazy_gettext("Allowed")),
    "counted": ("plain", lazy_gettext("Counted only")),
    "running": ("warn", lazy_gettext("Running")),
    "done": ("ok", lazy_gettext("Done")),
    "idle": ("plain", lazy_gettext("Nothing to do")),
    "failed": ("stop", lazy_gettext("Failed")),
    "abandoned": ("stop", lazy_gettext("Broken off")),
    "open": ("warn", lazy_gettext("Open")),
    "refused": ("stop", lazy_gettext("Refused")),
    "released": ("ok", lazy_gettext("Released")),
    "discarded": ("plain", lazy_gettext("Discarded")),
    "published": ("ok", lazy_gettext("Published")),
    "on_its_way": ("warn", lazy_gettext("On its way")),
    "delivered": ("ok", lazy_gettext("Delivered")),
    "dead": ("stop", lazy_gettext("Given up")),
    "failing": ("warn", lazy_gettext("Fails")),
    "off": ("plain", lazy_gettext("Switched off")),
    "gone": ("stop", lazy_gettext("Said that it is gone")),
    "resumed": ("warn", lazy_gettext("Resumed")),
}


def word(group: str, slug: object) -> str:
    """What a slug of a group (the groups of WORDS) is called."""
    return str(WORDS[group].get(str(slug), slug))


def state(slug: str) -> tuple[str, str]:
    """The colour class and the word of a state."""
    colour, text = STATES.get(slug, ("plain", slug))
    return colour, str(text)


def category(value: int | str | None) -> str:
    """The name of a category, by value or slug."""
    if value is None:
        return "–"
    found = Category[value.upper()] if isinstance(value, str) else Category(value)
    return str(CATEGORIES[found])


def channel(value: int | str | None) -> str:
    """The name of a channel, by value or slug."""
    if value is None:
        return "–"
    found = Channel[value.upper()] if isinstance(value, str) else Channel(value)
    return str(CHANNELS[found])


ERRORS: Mapping[str, Any] = {  # what forms say about what a use case refuses
    **joiningwords.ERRORS,
    **bulletinlabels.ERRORS,
    "event_settled": lazy_gettext("This event was decided before, or is being looked at again."),
    "has_blocks": lazy_gettext("This reseller has blocks of numbers in its host's network: remove them first."),
    "bad_host": lazy_gettext("A host is another carrier that is no reseller itself."),
    "sandbox_carrier": lazy_gettext("A sandbox serves nobody's number."),
    "bad_follows": lazy_gettext("Without a host it follows by its own feed."),
    "bad_prefix": lazy_gettext("A block is 3 to 8 digits, the first a 1."),
    "block_overlaps": lazy_gettext("The block overlaps another one."),
    "block_unassigned": lazy_gettext("Nobody holds this range in the number plan."),
    "other_network": lazy_gettext("This range is not in the network of its host."),
    "empty": lazy_gettext("Please fill this in."),
    "letters": lazy_gettext("A phone number has digits only."),
    "too_short": lazy_gettext("This number is too short. A landline needs its area code."),
    "too_long": lazy_gettext("This number is too long."),
    "extension": lazy_gettext("Please leave the extension away."),
    "two_numbers": lazy_gettext("Please give one number only."),
    "not_a_number": lazy_gettext("This is not a phone number."),
    "unassigned": lazy_gettext("No carrier has such a number. Please check it."),
    "rounded": lazy_gettext("The last digits are lost. Make the column one of text and export the list again."),
    "short_number": lazy_gettext("Short numbers and service numbers cannot be registered."),
    "takes_no_messages": lazy_gettext(
        "This number cannot receive our text. Please ask its carrier to register it for you."
    ),
    "code_missing": lazy_gettext("This code is not valid any more. Please ask for a new one."),
    "code_expired": lazy_gettext("This code is not valid any more. Please ask for a new one."),
    "code_used": lazy_gettext("This code is not valid any more. Please ask for a new one."),
    "gateway_down": lazy_gettext("We cannot send texts right now. Please try again in a few minutes."),
    "nothing_declined": lazy_gettext("Please tick at least one thing to decline."),
    "sign_in_wrong": lazy_gettext("Email or password is wrong."),
    "second_factor_wrong": lazy_gettext("This code is wrong or was used already. Wait for the next one."),
    "password_short": lazy_gettext("Between 10 and 72 characters."),
    "password_long": lazy_gettext("This password is too long."),
    "bad_password": lazy_gettext("This password is too easy to guess."),
    "party_exists": lazy_gettext("There is a party of this short name already."),
    "restricted": lazy_gettext("This company is restricted by its credit file or by a measure."),
    "bad_party": lazy_gettext("2 to 31 small letters, digits and dashes."),
    "email_taken": lazy_gettext("Somebody signs in with this email already."),
    "regulator_stays": lazy_gettext("The regulator cannot be suspended: nobody could undo it."),
    "own_access": lazy_gettext("You cannot take your own access away. Another officer can."),
    "bad_address": lazy_gettext("This needs an https address without name and password."),
    "private_address": lazy_gettext("An address inside a private network is not asked."),
    "bad_label": lazy_gettext("At most 60 characters."),
    "bad_scope": lazy_gettext("A key of this party may not do that."),
    "bad_sandbox_key": lazy_gettext("A key of the sandbox may only check numbers, have call lists checked and read."),
    "bad_token": lazy_gettext("A token has letters, digits and . _ ~ + / = : - only."),
    "bad_pace": lazy_gettext("Between 10 and 86,400 seconds."),
    "too_many_endpoints": lazy_gettext("A party has at most ten endpoints."),
    "bad_member": lazy_gettext("A member needs a name and an email address."),
}


def reason_sentence(slug: str) -> str:
    """Why a decision or verdict is as it is, in one sentence."""
    return str(REASONS.get(slug, slug))


def wait(seconds: int) -> str:
    """A wait in words: seconds below two minutes, then whole minutes, then hours."""
    if seconds < 120:
        return str(ngettext("%(num)d second", "%(num)d seconds", seconds))
    if seconds < 7200:
        return str(ngettext("%(num)d minute", "%(num)d minutes", -(-seconds // 60)))
    return str(ngettext("%(num)d hour", "%(num)d hours", -(-seconds // 3600)))


def problem_sentence(error: RegistryError) -> str:
    """What a page says about an error, in one or two sentences."""
    if isinstance(error, TooManyError):
        if error.code == "guesses_spent":
            text = gettext("That was wrong too often. Please wait %(time)s and ask for a new code.", time=_wait(error))
        else:
            text = gettext("That was too often. Please wait %(time)s and try again.", time=_wait(error))
        return str(text)
    if error.code == "code_wrong":
        return _guesses(error.facts.get("left"))
    return str(ERRORS[error.code]) if error.code in ERRORS else refusal_sentence(error.code, error.detail)


def _wait(error: TooManyError) -> str:
    return wait(error.retry_after)


def _guesses(left: object) -> str:
    """What is said of a wrong code, with so many guesses left (None: it could not have been right)."""
    if left == 0:
        return str(gettext("That is not the code. Please ask for a new one."))
    if not isinstance(left, int):
        return str(gettext("The code has six digits."))
    return str(ngettext(
        "That is not the code. You have %(num)d more try.", "That is not the code. You have %(num)d more tries.", left
    ))  # fmt: skip
