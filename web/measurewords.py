"""What measures, their steps, states and the entries of the credit file are called on pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext

MEASURES: Mapping[str, Any] = {
    "order_to_correct": lazy_gettext("Order to correct"),
    "warn": lazy_gettext("Warning"),
    "limit_new_resources": lazy_gettext("No new number resources"),
    "suspend_service": lazy_gettext("Service suspended"),
    "disconnect_number": lazy_gettext("Number or port disconnected"),
    "fine": lazy_gettext("Fine"),
    "publish": lazy_gettext("Made public"),
    "recover_codes": lazy_gettext("Codes taken back"),
    "revoke": lazy_gettext("Licence revoked"),
}
STEPS: Mapping[str, Any] = {"begin": lazy_gettext("Begin"), "end": lazy_gettext("End")}
ACTIONS: Mapping[str, Any] = {  # steps of a measure
    "propose": lazy_gettext("Proposed"),
    "decide": lazy_gettext("Decided; notice given"),
    "refuse": lazy_gettext("Turned down"),
    "enter": lazy_gettext("Began"),
    "appeal": lazy_gettext("Appealed against"),
    "grant": lazy_gettext("Appeal granted: lifted"),
    "reject": lazy_gettext("Appeal turned down"),
    "lift": lazy_gettext("Lifted"),
    "expire": lazy_gettext("Over"),
}
STATES: Mapping[str, tuple[str, Any]] = {
    "proposed": ("warn", lazy_gettext("Proposed")),
    "refused": ("plain", lazy_gettext("Turned down")),
    "notified": ("warn", lazy_gettext("Notice given")),
    "in_force": ("stop", lazy_gettext("In force")),
    "appealed": ("warn", lazy_gettext("Appealed against")),
    "lifted": ("ok", lazy_gettext("Lifted")),
    "expired": ("plain", lazy_gettext("Over")),
}
CREDIT: Mapping[str, Any] = {
    "violation": lazy_gettext("Violation"),
    "penalty": lazy_gettext("Penalty"),
    "measure": lazy_gettext("Measure"),
    "talk": lazy_gettext("Supervision talk"),
    "bad_operation": lazy_gettext("List of bad operation"),
    "dishonesty": lazy_gettext("List of dishonesty"),
}
