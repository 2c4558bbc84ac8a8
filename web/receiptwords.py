"""What pages say about receipts: which check failed and what that means, what a proof came to.

Rules of this room: as in `labels`; what a failed check means is said without accusing anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext

from registry.errors import RegistryError
from web.labels import problem_sentence

PROBLEMS: Mapping[str, Any] = {
    "receipt_too_large": lazy_gettext("This file is too large for a receipt. Nothing of it was read."),
    "receipt_unreadable": lazy_gettext(
        "This cannot be read as a receipt. Use the file as it was downloaded; do not open and save it in between."
    ),
    "receipt_type": lazy_gettext("This is a signed file of another kind or version, not a receipt of this registry."),
    "receipt_unsigned": lazy_gettext(
        "Signature: no key of this registry signed it. Whoever made this file, it was not this registry."
    ),
    "receipt_altered": lazy_gettext(
        "Signature: it does not fit what the receipt says. The receipt was altered after it was signed."
    ),
    "proof_wrong": lazy_gettext(
        "Proof: the receipt is genuine, but this number with this answer does not stand in it. The proof was altered."
    ),
    "no_such_receipt": lazy_gettext("There is no such receipt."),
    "not_in_receipt": lazy_gettext(
        "This receipt says nothing of this number: it was not on the list, or was answered as invalid."
    ),
    "leaves_erased": lazy_gettext(
        "The single answers of this receipt were erased; their time was over. With the receipt file and the result you"
        " kept you can still make the proof yourself: decline-sync receipt verify --number - --result FILE."
    ),
}


def receipt_problem(error: RegistryError) -> str:
    """What stands against a receipt, a proof or a number, in one or two sentences."""
    return str(PROBLEMS[error.code]) if error.code in PROBLEMS else problem_sentence(error)
