"""Sends a carrier's file of reports or number events to the registry and reads back what became of every row.

Rules of this room: the file is streamed, whatever its size; its digest is the Idempotency-Key, so sending it again
after a break goes on where it stopped and doubles nothing; no row's content is printed or logged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import requests

from registry.errors import InvalidInputError, NotAllowedError, RegistryError, UnavailableError
from sync.source import CONNECT_S

NDJSON = "application/x-ndjson"
TYPES = {".ndjson": NDJSON, ".jsonl": NDJSON, ".json": "application/json", ".csv": "text/csv"}
ANSWER_S = 3600  # the answer begins when everything was taken in
CHUNK = 1 << 16


@dataclass(frozen=True)
class RowOutcome:
    """What became of one row: its line, `accepted`, `duplicate` or `quarantined`, the verdict or the reason."""

    line: int
    result: str
    word: str
    rule: str


@dataclass(frozen=True)
class Outcome:
    """What became of all rows; rows = accepted + duplicates + quarantined. `cut` says why the file ended early."""

    rows: int
    accepted: int
    duplicates: int
    quarantined: int
    cut: str


def send(
    file: Path, *, url: str, key: str, path: str = "reports", query: Mapping[str, str] | None = None
) -> Iterator[RowOutcome | Outcome]:
    """Send a file (NDJSON, JSON, CSV, each also gzipped) to a resource; the rows' outcomes, and last that of all.

    Raises InvalidInputError `unknown_format`, `refused`, NotAllowedError `key_refused`, UnavailableError
    `registry_away`.
    """
    headers = {"Authorization": f"Bearer {key}", "Accept": NDJSON, **_headers(file)}
    try:
        with file.open("rb") as body, requests.post(
            f"{url.rstrip('/')}/api/v1/{path}", params=query, data=body, headers=headers, stream=True,
            timeout=(CONNECT_S, ANSWER_S),
        ) as answer:
            if answer.status_code != requests.codes.ok:
                raise _refusal(answer)
            for line in answer.iter_lines(CHUNK):
                if line:
                    yield _outcome(msgspec.json.decode(line))
    except requests.RequestException as error:
        raise UnavailableError("The registry does not answer.", code="registry_away") from error
    except msgspec.DecodeError as error:
        raise UnavailableError("The registry's answer cannot be read.", code="bad_answer") from error


def _headers(file: Path) -> dict[str, str]:
    gzipped = file.suffix == ".gz"
    kind = TYPES.get((file.with_suffix("") if gzipped else file).suffix)
    if kind is None:
        detail = "A file of rows is named .ndjson, .jsonl, .json or .csv, and .gz after that where it is gzipped."
        raise InvalidInputError(detail, code="unknown_format")
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(1 << 20):
            digest.update(chunk)
    found = {"Content-Type": kind, "Idempotency-Key": digest.hexdigest()}
    return {**found, "Content-Encoding": "gzip"} if gzipped else found


def _outcome(said: dict[str, Any]) -> RowOutcome | Outcome:
    if "rows" in said:
        return Outcome(said["rows"], said["accepted"], said["duplicates"], said["quarantined"], said.get("cut", ""))
    return RowOutcome(said["line"], said["result"], said.get("verdict") or said.get("reason", ""), said.get("rule", ""))


def _refusal(answer: requests.Response) -> RegistryError:
    status = answer.status_code
    if status in {requests.codes.unauthorized, requests.codes.forbidden}:
        return NotAllowedError("The registry does not accept this API key for this.", code="key_refused")
    if status < requests.codes.internal_server_error and status != requests.codes.too_many_requests:
        try:
            detail = str(answer.json().get("detail") or answer.reason)
        except (requests.JSONDecodeError, AttributeError):
            detail = str(answer.reason)
        return InvalidInputError(f"The registry refuses the file: {detail}", code="refused")
    return UnavailableError(f"The registry answers with {status} now.", code="registry_away")
