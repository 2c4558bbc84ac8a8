"""What proves a consent: what its evidence has to say, its digest, and how long it is kept.

Rules of this room:
- Evidence says how the consent was given and to which exact text; who, when, to what and for whom is added (rule 20).
  It proves nothing where the consent came bundled with something else (rule 19).
- The clock starts at the last contact that relied on it (rule 21). No contact can after the consent has ended, so it
  starts there, with the months of the rulebook of that day. Then the text goes; its digest stays.
"""

from __future__ import annotations

import calendar
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from registry.times import Micros, from_micros, iso, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.rulebook import Rulebooks
    from registry.store import Store

_CHUNK = 1000


def proves(evidence: Mapping[str, str]) -> bool:
    """Whether it says `how` the consent was given and to which `text`, and the consent was not `bundled` (19, 20)."""
    return all(evidence.get(name, "").strip() for name in ("how", "text")) and not evidence.get("bundled")


def evidence_columns(row: Mapping[str, Any], evidence: Mapping[str, str], at: Micros) -> dict[str, Any]:
    """The columns `evidence` and `evidence_hash` of a consent: what was brought, with whose consent to what it is."""
    whole = {
        **evidence, "number": row["number"].hex(), "sender": row["telemarketer"], "at": iso(from_micros(at)),
        "masks": [row["calls"], row["robocalls"], row["messages"]], "most": row["most"], "per": row["per"],
        "until": iso(from_micros(row["until"])),
    }  # fmt: skip
    return _written(whole if evidence else {})


def no_evidence() -> dict[str, Any]:
    """The same columns where there is no evidence."""
    return _written({})


def _written(whole: Mapping[str, Any]) -> dict[str, Any]:
    text = json.dumps(whole, ensure_ascii=False, sort_keys=True)
    return {"evidence": text, "evidence_hash": hashlib.sha256(text.encode()).digest()}


def erase_due(store: Store, clock: Clock, rulebooks: Rulebooks) -> int:
    """Erase the evidence that no rulebook keeps any longer (rule 21); how many consents it was of."""
    now, erased = clock.now(), 0
    for pack, begins, ends in rulebooks.periods():
        kept_since = months_before(now, pack.consent.evidence_months)
        before = kept_since if ends is None else min(ends, kept_since)
        count = _CHUNK
        while count == _CHUNK:
            with store.writing(about="evidence"):
                count = store.consents.erase_evidence(since=to_micros(begins), before=to_micros(before), most=_CHUNK)
            erased += count
    return erased


def months_before(moment: datetime, months: int) -> datetime:
    """The same day and hour so many calendar months earlier, or the last day of that month where it is shorter."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)
