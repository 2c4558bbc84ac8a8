"""The package of a batch of clues: a .zip of CSV and summaries with a signed list of their SHA-256 (docs/clues.md).

Rules of this room:
- The bytes follow from the frozen clues alone: entries in one order, stored without compression, all of one moment.
- The signature covers the name, size and SHA-256 of every file. A package counts only whole: a file more or less, or
  one byte that is another one anywhere in the archive, is refused before anything in it is believed.
- CSV is UTF-8 with a mark, and no cell can be taken for a formula; numbers are written as `tel:` URIs (RFC 3966), which
  no spreadsheet shortens.
"""

from __future__ import annotations

import csv
import hashlib
import io
import struct
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import Struct

from registry.csvcells import harmless
from registry.departments import DEPARTMENTS
from registry.envelopes import Envelope, open_envelope, seal
from registry.errors import ConflictError, InvalidInputError
from registry.numbering.reading import E164
from registry.numbers import Number
from registry.receiptkeys import PublicKey, ReceiptKeys
from registry.sealing import BLOCK, unseal_many

if TYPE_CHECKING:
    from registry.clues import Batch, Clue
    from registry.keys import KeyRing

S = TypeVar("S", bound=Struct)

FORMAT: Literal["decline-call/clues/1"] = "decline-call/clues/1"
TYPE = "application/vnd.decline-call.clues+json"
MOST_BYTES = 256 * 1024 * 1024
ENVELOPE = "envelope.json"
NAMES = ("clues.csv", "withdrawn.csv", "summary.json", "summary.txt")
FACTS = (
    "reference", "class", "category", "harassment", "at", "channel", "mode", "caller", "provider",
    "provider_registration", "content", "content_registration", "carrier", "named", "province", "case", "reports",
    "numbers", "first", "last", "found", "rule", "evidence",
)  # fmt: skip
ANSWERS = ("result", "department", "note")  # for the department to fill in
COLUMNS = ("clue", "kind", *FACTS, *ANSWERS)
GONE = ("clue", "kind", "reference", "withdrawn")
_MOMENT = (1980, 1, 1, 0, 0, 0)
_NAMED = 20  # enterprises in the summary


class FileSum(Struct, frozen=True):
    """A file of a package: its name, SHA-256 (hex) and bytes."""

    name: str
    sha256: str
    bytes: int


class Payload(Struct, frozen=True):
    """What is signed. Times are RFC 3339 in UTC; `clues`, `withdrawn`: how many rows the two CSV files have."""

    format: Literal["decline-call/clues/1"]
    batch: str
    quarter: str
    kind: str
    part: int
    department: str
    cutoff: datetime
    clues: int
    withdrawn: int
    files: tuple[FileSum, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """A package that is genuine and whole: what was signed, by which key, and its files."""

    payload: Payload
    key: PublicKey
    files: dict[str, bytes]


def files_of(batch: Batch, clues: Sequence[Clue], fallen: Sequence[Clue], keys: KeyRing) -> dict[str, bytes]:
    """The files of a package by name, but for the envelope."""
    rows = (_row(each, caller) for each, caller in zip(clues, _callers(clues, keys)))
    gone = (
        (each.clue, each.kind, each.facts.get("reference", ""), _moment(each.withdrawn or each.added))
        for each in fallen
    )
    figures = _figures(batch, clues, fallen)
    made = (_csv(COLUMNS, rows), _csv(GONE, gone), msgspec.json.format(msgspec.json.encode(figures)) + b"\n",
            _text(batch, figures).encode())  # fmt: skip
    return dict(zip(NAMES, made))


def sign(batch: Batch, files: dict[str, bytes], fallen: int, signing: ReceiptKeys) -> str:
    """The signed envelope of a package, as it is kept and put in."""
    payload = Payload(
        FORMAT, batch.batch, batch.quarter, batch.kind, batch.part, batch.department, batch.cutoff, batch.clues, fallen,
        _sums(files),
    )
    return msgspec.json.encode(seal(msgspec.json.encode(payload), signing, type=TYPE)).decode()


def packed(batch: Batch, files: dict[str, bytes]) -> bytes:
    """The package of a batch. Raises ConflictError package_changed, where its files are not those that were signed."""
    envelope = msgspec.json.decode(batch.envelope, type=Envelope)
    payload = msgspec.json.decode(envelope.raw, type=Payload)
    if payload.files != _sums(files) or payload.department != batch.department:
        raise ConflictError("The clues are not those that were signed.", code="package_changed")
    return _zipped({**files, ENVELOPE: batch.envelope.encode()})


def check(raw: bytes, keys: Iterable[PublicKey]) -> Checked:
    """What a package holds, checked.

    Raises InvalidInputError package_too_large, package_unreadable, package_incomplete, package_type, package_unsigned,
    package_altered.
    """
    if len(raw) > MOST_BYTES:
        raise InvalidInputError("This file is too large for a package of clues.", code="package_too_large")
    files = _unzipped(raw)
    if set(files) != {*NAMES, ENVELOPE}:
        raise InvalidInputError("Files are missing from this package, or were added.", code="package_incomplete")
    envelope = _read(files[ENVELOPE], Envelope)
    said, key = open_envelope(envelope, keys, type=TYPE, what="package")
    payload = _read(said, Payload)
    whole = {name: files[name] for name in NAMES}
    if payload.files != _sums(whole) or _zipped({**whole, ENVELOPE: msgspec.json.encode(envelope)}) != raw:
        raise InvalidInputError(
            "The package was altered: its files are not those that were signed.", code="package_altered"
        )
    return Checked(payload, key, whole)


def _read(raw: bytes, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable() from error


def _unreadable() -> InvalidInputError:
    return InvalidInputError("This is no package of clues: it cannot be read.", code="package_unreadable")


def _sums(files: dict[str, bytes]) -> tuple[FileSum, ...]:
    return tuple(FileSum(name, hashlib.sha256(files[name]).hexdigest(), len(files[name])) for name in NAMES)


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.create_system, entry.external_attr = 3, 0o600 << 16
            archive.writestr(entry, content)
    return out.getvalue()


def _unzipped(raw: bytes) -> dict[str, bytes]:
    """The files of an archive whose entries are stored as they are: nothing in it can grow."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            if len(entries) > 2 * len(NAMES) or any(
                entry.compress_type != zipfile.ZIP_STORED or entry.file_size > len(raw) for entry in entries
            ):
                raise _unreadable()
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, struct.error, RuntimeError, EOFError, OSError, ValueError, OverflowError) as error:
        raise _unreadable() from error


# what stands in the files


def _callers(clues: Sequence[Clue], keys: KeyRing) -> list[str]:
    sealed = [each.caller for each in clues if each.caller is not None]
    raw = np.frombuffer(b"".join(sealed), np.uint8).reshape(-1, BLOCK)
    opened = iter(zip(*(each.tolist() for each in unseal_many(keys.at_rest, raw)))) if sealed else iter(())
    return [_uri(*reversed(next(opened))) if each.caller is not None else "" for each in clues]


def _uri(kind: int, digits: int) -> str:
    number = Number(kind, digits)
    return f"tel:{number.e164}" if kind == E164 else f"tel:{number.text};phone-context=+86"


def _row(clue: Clue, caller: str) -> list[str]:
    said = {**clue.facts, "clue": clue.clue, "kind": clue.kind, "class": clue.class_, "at": _moment(clue.at),
            "caller": caller}  # fmt: skip
    return [said.get(name, "") for name in COLUMNS]


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _csv(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(heads)
    writer.writerows(map(harmless, row) for row in rows)
    return out.getvalue().encode("utf-8-sig")


class Figures(Struct, frozen=True):
    """The summary of a package."""

    format: str
    batch: str
    quarter: str
    kind: str
    part: int
    department: dict[str, str]
    cutoff: datetime
    clues: int
    withdrawn: int
    kinds: dict[str, int]
    classes: dict[str, int]
    categories: dict[str, int]
    provinces: dict[str, int]
    enterprises: list[tuple[str, int]]


def _figures(batch: Batch, clues: Sequence[Clue], fallen: Sequence[Clue]) -> Figures:
    to = DEPARTMENTS.get(batch.department)
    names = Counter(name for each in clues if (name := each.facts.get("provider") or each.facts.get("content")))
    return Figures(
        FORMAT, batch.batch, batch.quarter, batch.kind, batch.part,
        {"id": batch.department, "zh": to.zh if to else "", "en": to.en if to else ""}, batch.cutoff, len(clues),
        len(fallen), _counted(each.kind for each in clues), _counted(each.class_ for each in clues),
        _counted(each.facts.get("harassment") or each.facts.get("category", "") for each in clues),
        _counted(each.facts.get("province", "") for each in clues),
        sorted(names.items(), key=lambda each: (-each[1], each[0]))[:_NAMED],
    )


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(word for word in words if word).items()))


def _text(batch: Batch, figures: Figures) -> str:
    """The summary for people, in Chinese and English."""
    listed = "\n".join(f"  {name}\t{count}" for name, count in figures.enterprises) or "  –"
    kinds = "\n".join(f"  {name}\t{count}" for name, count in figures.categories.items()) or "  –"
    to = figures.department
    return f"""\
来电来信谢绝登记 · 线索移送包
批次：{batch.batch}（{batch.quarter}，{_KINDS[batch.kind][0]}，第 {batch.part} 份）
接收部门：{to["zh"] or "待定"}
截止时间：{_moment(batch.cutoff)}
线索：{figures.clues} 条；撤回：{figures.withdrawn} 条（见 withdrawn.csv）
分类：
{kinds}
涉及最多的企业：
{listed}

clues.csv 每行一条线索，不含举报人信息；证据凭 reference 向登记机关调取。请在 result 一列填写
accepted（受理）、returned（退回）、transferred（转办），或办理结果 punished（处罚）、warned（告诫）、exposed（曝光）、
unfounded（不属实）、no_action（不予处理）；退回请在 note 说明理由，转办请在 department 填写部门；
然后将文件退回登记机关。
核验：decline-sync clues verify 文件 --url 登记机关网址

Decline Call · clues handed to a department
Batch: {batch.batch} ({batch.quarter}, {_KINDS[batch.kind][1]}, part {batch.part})
To: {to["en"] or "not known yet"}
Cut-off: {_moment(batch.cutoff)}
Clues: {figures.clues}; withdrawn: {figures.withdrawn} (see withdrawn.csv)
By category:
{kinds}
Enterprises named most:
{listed}

clues.csv has a clue in each row and nothing of who reported; ask the registry for evidence by its reference. Please
fill in the column result: accepted, returned (with the reason in note), transferred (with the department), or what came
of it: punished, warned, exposed, unfounded, no_action; then send the file back.
To verify: decline-sync clues verify FILE --url ADDRESS
"""


_KINDS = {"quarter": ("季度", "quarterly"), "urgent": ("紧急", "urgent"), "addendum": ("补充", "addendum")}
