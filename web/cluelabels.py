"""Words about batches of clues that `labels` gathers: moves of a batch, which are actions of the trail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext

MOVES: Mapping[str, Any] = {
    "make": lazy_gettext("Made"),
    "assign": lazy_gettext("Department named"),
    "review": lazy_gettext("Looked at"),
    "discard": lazy_gettext("Discarded"),
    "send": lazy_gettext("Sent"),
    "link": lazy_gettext("Another code given"),
    "download": lazy_gettext("Package downloaded"),
    "fetch": lazy_gettext("Fetched by the department"),
    "receive": lazy_gettext("Receipt kept"),
    "answer": lazy_gettext("Answers taken"),
}
ACTIONS: Mapping[str, Any] = {  # of the audit trail
    **{f"clues_{move}": text for move, text in MOVES.items()},
    "clue_referred": lazy_gettext("Referred to a department"),
}
