"""What jobs of the clockwork and the things that they count are called on pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext

JOB_WORDS: Mapping[str, Mapping[str, Any]] = {
    "count": {  # what runs of jobs count
        "editions": lazy_gettext("editions"),
        "feeds": lazy_gettext("feeds"),
        "rows": lazy_gettext("rows"),
        "renewed": lazy_gettext("renewed"),
        "files": lazy_gettext("files"),
        "pages": lazy_gettext("pages"),
        "accepted": lazy_gettext("accepted"),
        "duplicates": lazy_gettext("duplicates"),
        "quarantined": lazy_gettext("quarantined"),
        "refused": lazy_gettext("refused"),
        "failed": lazy_gettext("failed"),
        "masters": lazy_gettext("masters destroyed"),
        "codes": lazy_gettext("codes"),
        "consents": lazy_gettext("consents"),
        "registrations": lazy_gettext("registrations"),
        "sessions": lazy_gettext("sessions"),
        "compared": lazy_gettext("compared"),
        "events": lazy_gettext("number events"),
        "held": lazy_gettext("held"),
        "moved": lazy_gettext("numbers moved"),
        "overlaps": lazy_gettext("overlaps ended"),
        "acknowledgements": lazy_gettext("acknowledgements"),
        "runs": lazy_gettext("runs"),
        "delivered": lazy_gettext("delivered"),
        "deliveries": lazy_gettext("deliveries"),
        "applications": lazy_gettext("applications"),
        "indexes": lazy_gettext("indexes"),
        "scrubs": lazy_gettext("scrubs"),
        "lines": lazy_gettext("lines"),
        "cancelled": lazy_gettext("cancelled"),
        "put_back": lazy_gettext("put back"),
        "reminders": lazy_gettext("reminders"),
        "checks": lazy_gettext("checks"),
        "alarms": lazy_gettext("alarms"),
        "asked": lazy_gettext("files of quotas"),
        "started": lazy_gettext("started"),
        "expired": lazy_gettext("expired"),
    },
    "job": {
        "publish": lazy_gettext("Publish lists"),
        "ingest": lazy_gettext("Take reports in"),
        "moves": lazy_gettext("Move numbers"),
        "notify": lazy_gettext("Tell parties of events"),
        "tidy": lazy_gettext("Expire codes and consents"),
        "purge": lazy_gettext("Erase what is past its time"),
        "compare": lazy_gettext("Compare base with tables"),
        "index": lazy_gettext("Make the index for scrubs"),
        "scrubs": lazy_gettext("Check call lists"),
        "drop": lazy_gettext("Look into drop folders"),
        "guard": lazy_gettext("Watch what telemarketers ask for"),
        "measures": lazy_gettext("Start and end measures"),
        "gather": lazy_gettext("Gather upheld reports into cases"),
        "parties": lazy_gettext("Look at young telemarketers side by side"),
        "inspect": lazy_gettext("Look over published files"),
    },
}
