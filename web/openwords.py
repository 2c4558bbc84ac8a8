"""What the columns of open data are called on pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext

OPEN_WORDS: Mapping[str, Mapping[str, Any]] = {
    "open_column": {
        "number": lazy_gettext("The reported number: E.164 with its plus, or the bare digits of a code or port."),
        "kind": lazy_gettext("number, or code (ports, short and service numbers)"),
        "reports": lazy_gettext("How many reports."),
        "reporters": lazy_gettext("How many different people they came from."),
        "calls": lazy_gettext("How many of the reports are about calls."),
        "messages": lazy_gettext("How many of the reports are about texts."),
        "categories": lazy_gettext("Reports by industry, or by class where it is none: loan:3;unlawful:1"),
        "first_day": lazy_gettext("The day of the first contact that counts."),
        "last_day": lazy_gettext("The day of the last one."),
        "basis": lazy_gettext("Always signal: people's word, and no finding."),
    },
}
