"""Words about bulletins that `labels` gathers: states, actions of the trail, what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext

STATES: Mapping[str, tuple[str, Any]] = {
    "draft": ("plain", lazy_gettext("Draft")),
    "review": ("warn", lazy_gettext("In review")),
}
ACTIONS: Mapping[str, Any] = {
    "bulletin_drafted": lazy_gettext("Bulletin drafted"),
    "bulletin_submitted": lazy_gettext("Bulletin handed over for review"),
    "bulletin_returned": lazy_gettext("Bulletin given back"),
    "bulletin_published": lazy_gettext("Bulletin published"),
    "bulletin_imported": lazy_gettext("Earlier bulletin taken in"),
}
ERRORS: Mapping[str, Any] = {
    "bad_quarter": lazy_gettext("A quarter is written as 2026-Q4."),
    "bad_cutoff": lazy_gettext("The cut-off has not come yet: it lies ten days after the quarter's end."),
    "correction_unsaid": lazy_gettext("One of this quarter is published: please say why it is corrected."),
    "in_review": lazy_gettext("This bulletin is being reviewed. Give it back before it is drafted anew."),
    "no_such_move": lazy_gettext("That is not possible in this state."),
    "own_proposal": lazy_gettext("You proposed this yourself: somebody else decides."),
    "figures_changed": lazy_gettext("The figures are not those that were drafted. Please draft it anew."),
    "no_such_bulletin": lazy_gettext("There is no such bulletin, or it is not published."),
    "no_font": lazy_gettext("There is no PDF here, because no Chinese font is installed on this server."),
}
