"""What went wrong with call lists and scrubs, by error code: what happened and what to do, in one or two sentences.

Rules of this room: as in `wording`, which falls back on it.
"""

from __future__ import annotations


def N_(text: str) -> str:  # noqa: N802 - the mark by which texts are found for translation
    """Marks a text that is translated later, when it is shown."""
    return text


PROBLEMS: dict[str, str] = {
    "no_file": N_("Choose a file first."),
    "several_files": N_("Send one list at a time, also inside a .zip."),
    "upload_cut": N_("The upload broke off before its end. Nothing of it was kept; please send it again."),
    "too_large": N_("The file is larger than we take here. Split it, or send it through the API in parts."),
    "workbook_too_large": N_("The workbook is larger than we take. Save it as CSV, which may be far larger."),
    "empty_list": N_("The file is empty."),
    "not_a_list": N_("This is not a list that we can read. We take CSV, TSV, XLSX, Parquet and NDJSON."),
    "encoding": N_("We cannot tell the encoding of the text. Save it as UTF-8 and send it again."),
    "header_only": N_("The file has a header and no lines."),
    "no_number_column": N_("No column looks like phone numbers. Say which it is."),
    "two_number_columns": N_("Several columns look like phone numbers. Say which to check."),
    "encrypted": N_("The file is locked with a password. Save it without one and send it again."),
    "packed_otherwise": N_("We cannot unpack this. Pack it as .gz or .zip, or send it as it is."),
    "packed_twice": N_("The file is packed twice. Unpack it once and send it again."),
    "no_such_column": N_("The file has no such column. Choose another one."),
    "packing_damaged": N_("The packed file is damaged. Pack it anew and send it again."),
    "expands_too_much": N_("Unpacked, the file is larger than we take. Split it."),
    "call_list_deleted": N_("The list was deleted, because its time was over. Please send it again."),
    "not_submitted": N_("This list was not sent off yet."),
    "bad_on_behalf": N_("You do not act for this company at that time. Choose another one."),
    "no_numbers": N_("Type at least one number."),
    "too_many_numbers": N_("That are too many numbers at once. For more, check a list."),
    "held_by_guard": N_("Your checks are held until an officer has looked at them. Please ask the regulator."),
    "slow_lane": N_("Your checks go slowly because they look unusual. Please wait a while and try again."),
    "bad_part": N_("Parts of the file are missing. Please send it again."),
    "digest_mismatch": N_("The file changed on its way. Please send it again."),
    "idempotency_reused": N_("This was sent already, with another file or question."),
    "internal_error": N_("The list could not be read to its end; it has been written down. Try it in another format."),
    "bad_campaign": N_("A campaign's name has at most 80 characters."),
    "bad_country": N_("Choose a country."),
    "bad_time": N_("The time must lie ahead, at most 31 days."),
    "parts_missing": N_("Parts of the file are missing. Please send it again."),
    "not_uploading": N_("This list was sent off already."),
    "scrub_ended": N_("This check has ended already."),
    "not_done": N_("The check is not done yet. Its page shows how far it is."),
    "result_deleted": N_("The result was deleted, because its time was over. Check the list again."),
    "no_such_scrub": N_("There is no such check."),
    "not_a_telemarketer": N_("Only licensed telemarketers have call lists checked."),
    "quota_reached": N_("Your allowance was spent on the way: the lines before that are answered."),
    "refused_by_officer": N_("An officer has refused this list. Please ask the regulator."),
    "hold_lost": N_("It took too long, and your allowance was spent elsewhere meanwhile. Check the list again."),
    "no_such_file": N_("The file is not there any more. Please send it again."),
    "gave_up": N_("It was tried several times without success. Please tell the regulator."),
    "party_suspended": N_("Your company may not have call lists checked any longer."),
    "holidays_unknown": N_("The public holidays of that time are not known yet. Choose an earlier time."),
    "sealed_file": N_("The stored file cannot be opened. Please send it again, and tell the regulator."),
}
