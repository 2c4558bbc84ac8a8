"""What pages and problems say about each error code: a title and a sentence, in English here, translated on pages.

Rules of this room: the sentence says what to do next and holds no value that somebody typed; a code without its own
words speaks through its status.
"""

from __future__ import annotations

from flask_babel import gettext

from web.scrubproblems import PROBLEMS


def N_(text: str) -> str:  # noqa: N802 - the mark by which texts are found for translation
    """Marks a text that is translated later, when it is shown."""
    return text


WORDS: dict[str, tuple[str, str]] = {
    "bad_request": (N_("Bad request"), N_("We could not read what the browser sent. Please go back and try again.")),
    "form_expired": (N_("Form expired"), N_("This form is too old or was not ours. Please open the page again.")),
    "key_missing": (N_("API key needed"), N_("Please present an API key.")),
    "key_unknown": (N_("API key unknown"), N_("This API key does not exist or was revoked.")),
    "sign_in_person": (N_("Please sign in"), N_("Please prove your number with a code first.")),
    "sign_in_member": (N_("Please sign in"), N_("Please sign in with your account first.")),
    "not_allowed": (N_("Not allowed"), N_("Your account may not do this.")),
    "second_factor_needed": (N_("Second factor needed"), N_("Please prove your second factor first.")),
    "scope_missing": (N_("Scope missing"), N_("This API key may not do this.")),
    "not_your_feed": (N_("Not your feed"), N_("A carrier may fetch its own feed only.")),
    "not_found": (N_("Not found"), N_("There is nothing at this address. It may have moved, or been typed wrongly.")),
    "method_not_allowed": (N_("Method not allowed"), N_("This address does not take this kind of request.")),
    "too_large": (N_("Too large"), N_("What was sent is larger than we take here.")),
    "address_too_long": (N_("Address too long"), N_("The address is longer than we read.")),
    "headers_too_large": (N_("Headers too large"), N_("The headers are larger than we read.")),
    "length_required": (N_("Length required"), N_("The request must say how long it is.")),
    "too_slow": (N_("Too slow"), N_("The request took too long to arrive.")),
    "media_type": (N_("Format not supported"), N_("We cannot read this format here.")),
    "range_not_satisfiable": (N_("Range not satisfiable"), N_("The file has no such bytes.")),
    "bad_json": (N_("Not JSON"), N_("The body is not JSON that we can read.")),
    "bad_body": (N_("Wrong fields"), N_("A field is missing, unknown or wrong.")),
    "bad_query": (N_("Wrong query"), N_("A query value is wrong.")),
    "bad_idempotency_key": (N_("Wrong Idempotency-Key"), N_("An Idempotency-Key is 1 to 64 visible characters.")),
    "requests_spent": (N_("Too many requests"), N_("You have asked very often. Please wait a moment.")),
    "no_font": (
        N_("No Chinese font"), N_("There is no PDF here, because no Chinese font is installed on this server.")
    ),
    "internal": (N_("Something went wrong"), N_("Something went wrong on our side. It has been written down.")),
    "database_busy": (N_("Busy"), N_("We are very busy. Please try again in a moment.")),
}

_BY_STATUS: dict[int, tuple[str, str]] = {
    400: WORDS["bad_request"],
    401: (N_("Please sign in"), N_("Please sign in first.")),
    403: WORDS["not_allowed"],
    404: WORDS["not_found"],
    405: WORDS["method_not_allowed"],
    409: (N_("Not possible now"), N_("The state of things stands against it.")),
    413: WORDS["too_large"],
    415: WORDS["media_type"],
    422: (N_("Cannot be taken"), N_("Something in what you entered is wrong. Please go back and check it.")),
    429: (N_("Too many requests"), N_("That was too often. Please wait and try again.")),
    503: (N_("Not available now"), N_("Something we need does not answer now. Please try again in a moment.")),
}


MEANINGS = {
    400: "The request cannot be read.",
    401: "An API key is needed, or this one does not count.",
    403: "This key may not do this.",
    404: "There is no such thing.",
    409: "The state of things stands against it.",
    411: "The request must say how long its body is.",
    413: "The body is too large.",
    415: "The body's type or encoding is not taken here.",
    416: "The file has no such bytes.",
    422: "The body can be read and is wrong; `code` says how.",
    429: "An allowance is spent; wait.",
    503: "Something we need does not answer now; try again.",
}


def title_of(code: str, status: int = 500) -> str:
    """The English title of a code, or of its status."""
    return (WORDS.get(code) or _BY_STATUS.get(status) or WORDS["internal"])[0]


def sentence_of(code: str, status: int = 500) -> str:
    """The English sentence of a code, or of its status."""
    if code not in WORDS and code in PROBLEMS:
        return PROBLEMS[code]
    return (WORDS.get(code) or _BY_STATUS.get(status) or WORDS["internal"])[1]


def spoken(text: str) -> str:
    """A text of this room in the language of the page."""
    return str(gettext(text))
