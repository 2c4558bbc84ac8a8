"""Text messages out: the embedded gateway for trials (terminal and a file) and the one that POSTs JSON.

Rules of this room:
- The embedded gateway plays the phone: its terminal line and its file show the text, but the number only masked.
- The HTTP gateway gives every message an id, the same in every try, so that the other side sends it once; and signs it:
  `Decline-Call-Signature: sha256=` hex HMAC-SHA256 over `<Decline-Call-Timestamp>.<body>`.
- What fails is UnavailableError, and says nothing about the number.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import requests
from urllib3.exceptions import HTTPError

from registry.errors import UnavailableError
from registry.naming import new_id
from registry.outside.http import RETRIED, session
from registry.times import iso

if TYPE_CHECKING:
    from registry.numbers import Number

KEPT = 500  # messages of the embedded gateway
_TRIM_BYTES = 400_000  # the file is cut to KEPT lines when it grows past this
_ANSWER_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the embedded gateway: when (RFC 3339, UTC), to whom (masked), what."""

    at: str
    number: str
    text: str


class ConsoleGateway:
    """Shows messages in the terminal and keeps the last 500 in `dev-messages.ndjson`, for `/dev/messages`.

    Any number of processes may write the file (a lock file beside it); mode 600.
    """

    name = "console"

    def __init__(self, folder: Path, stream: TextIO | None = None) -> None:
        self._file = folder / "dev-messages.ndjson"
        self._lock = folder / "dev-messages.lock"
        self._stream = stream

    def send(self, number: Number, text: str) -> None:
        """Show and keep one message. Raises UnavailableError (gateway_down) where the file cannot be written."""
        message = Message(at=iso(datetime.now(UTC)), number=number.masked, text=text)
        line = json.dumps({"at": message.at, "number": message.number, "text": text}, ensure_ascii=False) + "\n"
        try:
            with self._locked():
                self._append(line.encode())
        except OSError as error:
            raise UnavailableError("The embedded gateway cannot keep its messages.", code="gateway_down") from error
        stream = self._stream or sys.stdout
        with suppress(OSError, ValueError):  # a terminal that went away takes no message with it
            stream.write(f"[text message to {message.number}] {text}\n")
            stream.flush()

    def messages(self) -> list[Message]:
        """The last 500 messages, oldest first."""
        try:
            raw = self._file.read_bytes()
        except FileNotFoundError:
            return []
        found = []
        for line in raw.splitlines()[-KEPT:]:
            with suppress(ValueError, KeyError, TypeError):  # a line that was cut by a crash
                said = json.loads(line)
                found.append(Message(at=said["at"], number=said["number"], text=said["text"]))
        return found

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = os.open(self._lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _append(self, line: bytes) -> None:
        file = os.open(self._file, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(file).st_size
            try:
                if os.write(file, line) < len(line):
                    raise OSError("a write was cut short")
            except OSError:
                os.ftruncate(file, size)
                raise
        finally:
            os.close(file)
        if size + len(line) > _TRIM_BYTES:
            self._trim()

    def _trim(self) -> None:
        """Keep the last messages only; the file is replaced whole."""
        kept = self._file.read_bytes().splitlines(keepends=True)[-KEPT:]
        fresh = self._file.with_suffix(".new")
        file = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "wb") as writer:
            writer.writelines(kept)
        fresh.replace(self._file)


def signature(key: bytes, timestamp: str, body: bytes) -> str:
    """What the header `Decline-Call-Signature` says of a body; the receiver computes the same."""
    return "sha256=" + hmac.digest(key, timestamp.encode() + b"." + body, hashlib.sha256).hex()


class HttpGateway:
    """Hands messages to a gateway as JSON: POST {"id", "to": E.164, "text"}; any 2xx means taken.

    Connections that fail, 429 and 5xx are tried again (`retries` times, waiting longer each time); any other answer,
    redirects included, is a refusal.
    """

    name = "http"

    def __init__(self, url: str, *, key: bytes, timeout: float = 5.0, retries: int = 2) -> None:
        self._url = url
        self._key = key
        self._session = session(timeout, retries, repeat_posts=True)

    def send(self, number: Number, text: str) -> None:
        """Hand one message over. Raises UnavailableError: gateway_down or gateway_refused."""
        message = new_id(32)
        body = json.dumps({"id": message, "to": number.e164, "text": text}, ensure_ascii=False).encode()
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": message,
            "Decline-Call-Timestamp": timestamp,
            "Decline-Call-Signature": signature(self._key, timestamp, body),
        }
        try:
            answer = self._session.post(self._url, data=body, headers=headers, allow_redirects=False, stream=True)
        except requests.RequestException as error:
            raise _down() from error
        with answer, suppress(HTTPError, OSError):  # read so that the connection can serve again; the status counts
            answer.raw.read(_ANSWER_BYTES)
        if answer.status_code in RETRIED:
            raise _down()
        if not 200 <= answer.status_code < 300:
            raise UnavailableError("The text message gateway refused the message.", code="gateway_refused")

    def close(self) -> None:
        """Close idle connections."""
        self._session.close()


def _down() -> UnavailableError:
    return UnavailableError("The text message could not be sent. Please try again in a minute.", code="gateway_down")
