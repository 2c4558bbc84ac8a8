"""The wire format of the API, version 1: every body in and out as a struct.

Rules of this room: fields are added, never renamed or taken away; what comes in is bounded and may hold no unknown
field; numbers come in as text and never go out but masked; times are RFC 3339 in UTC; the structs become the OpenAPI
document.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from registry.rulebook import Rulebook

NumberText = Annotated[str, Meta(min_length=1, max_length=64, description="A phone number as people write it.")]
Language = Literal["zh_CN", "en"]
Hour = Annotated[int, Meta(ge=0, le=23)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
CategorySlug = Literal[
    "loan", "collection", "property", "insurance", "securities", "education", "recruit", "home", "maternal", "travel",
    "retail", "telecom", "game", "food", "renovation", "other",
]
Categories = Literal["all"] | Annotated[list[CategorySlug], Meta(max_length=16)]
Root = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256 in hexadecimal digits.")]
BucketName = Annotated[
    str, Meta(pattern="^[0-9a-f]{2}-[0-9a-f]{32}$", description="Top byte, and the first 16 bytes of its leaf.")
]
Byte = Annotated[int, Meta(ge=0, le=255)]
Many = Annotated[int, Meta(ge=0, le=2**53)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]


class In(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What comes in: unknown fields are refused."""


class Out(Struct, frozen=True, kw_only=True):
    """What goes out."""


# people


class CodeRequest(In, frozen=True, kw_only=True):
    """Ask for a code by text message, which proves the number."""

    number: NumberText
    purpose: Literal["register"] = "register"
    language: Language = "zh_CN"


class CodeAnswer(Out, frozen=True, kw_only=True):
    """A code is on its way; for how many seconds it counts."""

    expires_in: int


class Quiet(In, frozen=True, kw_only=True):
    """Hours, weekdays and public holidays on which nothing at all is wanted."""

    hours: Annotated[list[Hour], Meta(max_length=24)] = []
    weekdays: Annotated[list[Weekday], Meta(max_length=7)] = []
    holidays: bool = False


class PreferenceMessage(In, frozen=True, kw_only=True):
    """What is declined on each channel, and when it is quiet."""

    calls: Categories = []
    robocalls: Categories = []
    messages: Categories = []
    quiet: Quiet = Quiet()


class RegistrationRequest(In, frozen=True, kw_only=True):
    """Register a number, or change what it declines, with the code that was sent to it."""

    number: NumberText
    code: Annotated[str, Meta(min_length=1, max_length=16)]
    preference: Literal["everything"] | PreferenceMessage = "everything"
    language: Language = "zh_CN"


class RegistrationAnswer(Out, frozen=True, kw_only=True):
    """What the number declines now. It is on the carriers' lists with the next edition."""

    number: Annotated[str, Meta(description="Masked.")]
    state: Literal["active"]
    preference: PreferenceMessage
    since: datetime


# carriers


class Found(In, frozen=True, kw_only=True):
    """What was wrong with a list that was repaired: entries lost, weakened, too strict, foreign; wrong exceptions."""

    lost: Many = 0
    weakened: Many = 0
    strengthened: Many = 0
    foreign: Many = 0
    exceptions: Many = 0
    repaired_bytes: Many = 0
    anew: Annotated[bool, Meta(description="A full list was fetched, and nobody counted.")] = False


class AcknowledgementRequest(In, frozen=True, kw_only=True):
    """What a follower has after applying an edition."""

    edition: Annotated[int, Meta(ge=1, le=2**62)]
    content_root: Root
    exceptions_root: Root
    epoch: Annotated[int, Meta(ge=1, le=2**31)] | None = None
    found: Found | None = None


class CopyAnswer(Out, frozen=True, kw_only=True):
    """What the registry's copy of your list stands on; believe its leaves only if they come to the root of the feed."""

    edition: int
    epoch: int
    algorithm: Literal["aes-cmac-64", "sm4-cmac-64"]
    entries: int
    content_root: Root
    exceptions: int
    exceptions_root: Root
    leaves: Annotated[list[Root], Meta(min_length=256, max_length=256, description="By the tag's top byte.")]


class DigestsRequest(In, frozen=True, kw_only=True):
    """Buckets whose pieces you want to compare."""

    buckets: Annotated[list[BucketName], Meta(min_length=1, max_length=256)]


class PiecesRequest(In, frozen=True, kw_only=True):
    """The pieces that differ: by bucket the second bytes of their tags; 8,192 pieces at most."""

    pieces: Annotated[dict[BucketName, Annotated[list[Byte], Meta(max_length=256)]], Meta(max_length=256)]


class AcknowledgementAnswer(Out, frozen=True, kw_only=True):
    """Whether both roots are ours; false means that the list has drifted."""

    agrees: bool


class RecipientKey(In, frozen=True, kw_only=True):
    """The X25519 public key for which list keys are wrapped."""

    public_key: Annotated[str, Meta(min_length=44, max_length=44, description="32 bytes in base64.")]


class WrappedKey(Out, frozen=True, kw_only=True):
    """The list key of one epoch: HPKE base mode, X25519, HKDF-SHA256, AES-128-GCM."""

    epoch: int
    wrapped: Annotated[str, Meta(description="Encapsulated key and ciphertext, in base64.")]


class ListKeys(Out, frozen=True, kw_only=True):
    """The list keys of a feed; tags of new files are made with the newest epoch."""

    epoch: int
    algorithm: Literal["aes-cmac-64", "sm4-cmac-64"]
    keys: list[WrappedKey]


# reports


class ReportRow(In, frozen=True, kw_only=True):
    """One alleged violation, as a line of NDJSON, an element of a JSON array or a row of CSV."""

    id: Annotated[str, Meta(min_length=1, max_length=200, description="Yours; sent again it is a duplicate.")]
    called: NumberText
    caller: Annotated[str, Meta(min_length=1, max_length=64, description="A number, code, port, or `hidden`.")]
    at: Annotated[str, Meta(max_length=40, description="RFC 3339, with its offset.")]
    channel: Literal["calls", "robocalls", "messages"] = "calls"
    category: CategorySlug = "other"
    content: Literal["commercial", "service", "public_interest"] = "commercial"
    duration: Annotated[int, Meta(ge=0, le=86400, description="Seconds.")] | None = None
    mode: Literal["human", "recorded", "ring_once", "bombing"] | None = None
    telemarketer: Annotated[str, Meta(max_length=200, description="Party id or name.")] | None = None
    description: Annotated[str, Meta(max_length=4000)] | None = None


class NumberEventRow(In, frozen=True, kw_only=True):
    """What a carrier says of a number, as a line of NDJSON, an element of a JSON array or a row of CSV."""

    id: Annotated[str, Meta(min_length=1, max_length=200, description="Yours; sent again it is a duplicate.")]
    number: NumberText
    kind: Literal["ported_in", "ported_out", "deactivated", "recycled", "reassigned"]
    at: Annotated[str, Meta(max_length=40, description="RFC 3339: when it takes effect, at most 400 days ahead.")]
    from_: Annotated[str, Meta(max_length=64, description="Of a porting: who gives the number.")] | None = field(
        name="from", default=None
    )
    to: Annotated[str, Meta(max_length=64, description="Of a porting: who takes the number.")] | None = None


class RowAnswer(Out, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one row: the verdict of an accepted one, the reason and the place of a quarantined one."""

    line: int
    result: Literal["accepted", "duplicate", "quarantined"]
    id: str = ""
    verdict: str = ""
    reason: str = ""
    rule: str = ""
    rulebook: str = ""
    detail: str = ""
    quarantine: str = ""


class ReportsAnswer(Out, frozen=True, kw_only=True):
    """What became of all rows: rows = accepted + duplicates + quarantined.

    `cut` says why the file ended early, `repeated` that all was taken in before under the same Idempotency-Key.
    """

    batch: str
    rows: int
    accepted: int
    duplicates: int
    quarantined: int
    verdicts: dict[str, int]
    reasons: dict[str, int]
    encoding: str
    cut: str
    repeated: bool


class QuarantinedRow(Out, frozen=True, kw_only=True):
    """A row that was not taken: its text as it was sent, and what could be read of it."""

    row: str
    batch: str
    line: int
    format: str
    reason: str
    detail: str
    at: datetime
    state: Literal["open", "released", "discarded"]
    about: Literal["reports", "number-events"]
    raw: str
    fields: dict[str, Any] | None


class QuarantineAnswer(Out, frozen=True, kw_only=True):
    """Your rows in quarantine, oldest first; ask again with `after` for the rest."""

    rows: list[QuarantinedRow]
    after: int | None


class ReleaseRequest(In, frozen=True, kw_only=True):
    """Take a row again, as it is or with corrected fields in its place."""

    corrected: ReportRow | None = None
    event: Annotated[
        NumberEventRow | None, Meta(description="In place of `corrected` where the row is a number event.")
    ] = None


class DiscardRequest(In, frozen=True, kw_only=True):
    """Set a row aside for good, and why."""

    note: Annotated[str, Meta(min_length=1, max_length=500)]


# everybody


class RulebooksAnswer(Out, frozen=True, kw_only=True):
    """All rulebooks, and the name of the one in force now."""

    now: str
    rulebooks: list[Rulebook]


class ProblemMessage(Out, frozen=True, kw_only=True):
    """An RFC 9457 problem. `code` is stable; there may be further members."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str = ""
    retry_after: int | None = None
