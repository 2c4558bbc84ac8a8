"""The wire format of ledgers: rows of number resources as carriers send them, and what stands in their ledger.

Rules of this room: as in `messages.py`; numbers stand in bodies alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from web.api.messages import In, Out

ResourceKind = Literal["port", "code", "service", "trunk", "plain"]
Day = Annotated[str, Meta(max_length=64, description="A day such as 2026-01-01 (midnight there), or RFC 3339.")]
Text = Annotated[str, Meta(max_length=200)]


class ResourceRow(In, frozen=True, kw_only=True, rename={"since": "from"}):
    """One entry: a `prefix` for ports (106…), codes and service numbers (400, 800), a `number` for trunks and plain
    numbers. `provider` sends from it, `content` stands behind what is sent, each with its registration number."""

    kind: ResourceKind
    prefix: Annotated[str, Meta(max_length=64)] = ""
    number: Annotated[str, Meta(max_length=64)] = ""
    provider: Text = ""
    provider_company: Text = ""
    content: Text = ""
    content_company: Text = ""
    purpose: Text = ""
    licence: Text = ""
    signature: Text = ""
    since: Day = ""
    until: Day = ""
    country: Annotated[str, Meta(max_length=2, description="Of the registration numbers; CN when left out.")] = ""


class LedgerLine(Out, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one row; the reason of one that is held or refused."""

    line: int
    result: Literal["added", "changed", "unchanged", "held", "refused"]
    reason: str = ""
    detail: str = ""


class LedgerAnswer(Out, frozen=True, kw_only=True):
    """What became of the list. `ended`: entries that it no longer names; `withheld`: those that would have ended if
    all rows could be told; `held`: rows about what another carrier holds or serves, or for an enterprise that is
    restricted; `cut`: why the file ended early, or `half_missing`: more than half would have ended."""

    ledger: str
    day: datetime
    rows: int
    added: int
    changed: int
    unchanged: int
    held: int
    refused: int
    ended: int
    withheld: int
    reasons: dict[str, int]
    cut: str


class ResourceMessage(Out, frozen=True, kw_only=True):
    """One entry of your ledger. `digits`: of the code or port, or the number in international form."""

    resource: str
    kind: str
    digits: str
    provider: str
    provider_company: str
    content: str
    content_company: str
    purpose: str
    licence: str
    signature: str
    since: datetime
    until: datetime | None


class ResourcesAnswer(Out, frozen=True, kw_only=True):
    """What stands in your ledger, by id; ask again with `after` = `next` for the rest."""

    resources: list[ResourceMessage]
    next: str | None
