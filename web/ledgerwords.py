"""What ledgers of number resources are called on pages: kinds, links, what became of rows, and why one was not taken.

Rules of this room: as in `labels`; a reason says what to do where something can be done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext

from web.refusals import refusal_sentence

KINDS: Mapping[str, Any] = {
    "port": lazy_gettext("Port (106)"),
    "code": lazy_gettext("Short code"),
    "service": lazy_gettext("Service number (400, 800)"),
    "trunk": lazy_gettext("Trunk line"),
    "plain": lazy_gettext("Plain number"),
}
LINKS: Mapping[str, Any] = {
    "carrier": lazy_gettext("Access: the carrier"),
    "provider": lazy_gettext("Sending: the provider"),
    "content": lazy_gettext("Content: whose it is"),
}
RESULTS: Mapping[str, tuple[str, Any]] = {  # colour, word
    "held": ("warn", lazy_gettext("On hold")),
    "refused": ("stop", lazy_gettext("Refused")),
}
RESTRICTIONS: Mapping[str, Any] = {
    "bad_operation": lazy_gettext("List of bad operation"),
    "dishonesty": lazy_gettext("List of dishonesty"),
    "limit_new_resources": lazy_gettext("No new number resources"),
    "suspend_service": lazy_gettext("Service suspended"),
    "recover_codes": lazy_gettext("Codes taken back"),
    "revoke": lazy_gettext("Licence revoked"),
}
USES: Mapping[str, Any] = {
    "resources": lazy_gettext("no new numbers, codes and ports"),
    "scrubs": lazy_gettext("no call lists and quick checks"),
    "accounts": lazy_gettext("no new account"),
    "feeds": lazy_gettext("no national list"),
}
SORTS: Mapping[str, Any] = {  # what the plan says of a number
    "mobile": lazy_gettext("Mobile number"),
    "mvno": lazy_gettext("Mobile number of a reseller"),
    "landline": lazy_gettext("Landline"),
    "port": lazy_gettext("Message port (106)"),
    "95_96": lazy_gettext("95 or 96 number"),
    "code": lazy_gettext("Short or service number"),
    "foreign": lazy_gettext("Number of another country"),
    "other": lazy_gettext("Of a range that nobody holds"),
}
PROBLEMS: Mapping[str, Any] = {  # of a whole list
    "no_file": lazy_gettext("Please choose a file."),
    "type": lazy_gettext("The file's name ends in .csv, .json or .ndjson, or one of these and .gz."),
    "bad_day": lazy_gettext("Give the day of the list. It lies at most a month ahead."),
    "older_ledger": lazy_gettext("A list of a later day was taken in before. This one is older."),
    "empty_ledger": lazy_gettext("No row of this list can be taken. Are these the right columns?"),
    "csv_header": lazy_gettext("The first line must name the columns."),
    "ledger_too_long": lazy_gettext("A list has at most 200,000 rows."),
    "upload_cut": lazy_gettext("The upload broke off before its end. Please send it again."),
    "too_large": lazy_gettext("The file is larger than one may be."),
    "several_files": lazy_gettext("Please send one file at a time."),
    "encoding": lazy_gettext("The encoding of the file cannot be told. Save it as UTF-8."),
    "packed_otherwise": lazy_gettext("This is a packed or office file. Save it as CSV, plain or as .gz."),
    "not_json": lazy_gettext("This is not JSON."),
    "sandbox": lazy_gettext("A sandbox carrier has no number resources."),
}
CUTS: Mapping[str, Any] = {  # why a list ended early, or ended nothing
    "half_missing": lazy_gettext(
        "More than half of what stands is missing in this list, so nothing was ended. Is it whole? If these really "
        "ended, send it again and say so."
    ),
    "gzip_cut": lazy_gettext("The packed file was cut off."),
    "gzip_damaged": lazy_gettext("The packed file is damaged."),
    "gzip_trailing": lazy_gettext("Something stands behind the end of the packed file."),
    "expands_too_much": lazy_gettext("The packed file grows without end."),
    "utf16_cut": lazy_gettext("The file was cut off in the middle of a character."),
    "json_cut": lazy_gettext("The file was cut off in the middle."),
}
_FIELDS: Mapping[str, Any] = {
    "kind": lazy_gettext("Kind"),
    "prefix": lazy_gettext("Digits"),
    "number": lazy_gettext("Number"),
    "provider": lazy_gettext("Provider"),
    "provider_company": lazy_gettext("Registration number of the provider"),
    "content": lazy_gettext("Content provider"),
    "content_company": lazy_gettext("Registration number of the content provider"),
    "purpose": lazy_gettext("Purpose"),
    "licence": lazy_gettext("Licence"),
    "signature": lazy_gettext("Signature"),
    "from": lazy_gettext("From"),
    "until": lazy_gettext("Until"),
    "country": lazy_gettext("Country"),
}
_WHOLE: Mapping[str, Any] = {
    "overlap": lazy_gettext("Another carrier holds this at the same time. Theirs stays until their list gives it up."),
    "served_by_other": lazy_gettext("Another carrier serves this number."),
    "restricted": lazy_gettext("This enterprise is restricted and gets nothing new. What it has stays."),
    "twice": lazy_gettext("An earlier row is about the same number."),
    "missing_number": lazy_gettext("The row must name a prefix or a number, one of them."),
    "unknown_kind": lazy_gettext("The kind is one of port, code, service, trunk, plain."),
    "wrong_kind": lazy_gettext(
        "The kind does not go with the digits: a port begins with 106, a service number with 400 or 800; trunks and "
        "plain numbers stand in the column number."
    ),
    "bad_prefix": lazy_gettext("A code or port has 3 to 20 digits and nothing else."),
    "prefix_wrong_type": lazy_gettext("Digits are written as text, never as a number with a decimal point."),
    "number_wrong_type": lazy_gettext("Digits are written as text, never as a number with a decimal point."),
    "foreign_number": lazy_gettext("Numbers of other countries are no resources of a carrier."),
    "bad_period": lazy_gettext("The row ends before it begins."),
    "bad_time": lazy_gettext("A day is written 2026-01-01."),
    "too_far": lazy_gettext("The day lies too far ahead."),
    "bad_name": lazy_gettext("A name has 2 to 120 Chinese or Latin letters, digits and usual signs."),
    "bad_credit_code": lazy_gettext("A registration number has 18 digits and capital letters."),
    "credit_code_check": lazy_gettext("The last character of the registration number does not fit the others."),
    "bad_registration": lazy_gettext("The registration number cannot be read."),
    "bad_country": lazy_gettext("A country is two capital letters."),
    "missing_provider": lazy_gettext("There is a registration number, and no name of the provider."),
    "missing_content": lazy_gettext("There is a registration number, and no name of the content provider."),
    "missing_kind": lazy_gettext("The kind is missing."),
}


def reason_of(slug: str) -> str:
    """Why a row was not taken, in a sentence."""
    if slug in _WHOLE:
        return str(_WHOLE[slug])
    name = slug.removeprefix("bad_").removesuffix("_wrong_type")
    if name in _FIELDS and name != slug:
        return str(lazy_gettext("%(field)s: cannot be read", field=_FIELDS[name]))
    return refusal_sentence(slug)


def cut_of(slug: str) -> str:
    """Why a list ended early or ended nothing; "" where neither is so."""
    return str(CUTS.get(slug, slug))
