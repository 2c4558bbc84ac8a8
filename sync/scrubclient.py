"""Has a call list checked: sent in parts, followed while it is checked, the result fetched and verified.

Rules of this room:
- Whatever breaks, at this end, at the other or between, the same command again goes on where it stopped: which scrub it
  is stands in a file beside the result's; parts that are there are not sent again, bytes that came are not fetched
  again.
- A result is put in its place when its SHA-256 is the one the registry names, and never before.
- The file beside the result holds no number and no key.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import msgspec
import requests

from registry.errors import ConflictError, FeedError, InvalidInputError, NotFoundError, UnavailableError
from registry.naming import new_id
from sync.scrubapi import Api

Stage = Literal["send", "check", "fetch"]
Watch = Callable[[Stage, float, float, float | None], None]  # done, of how much, seconds left

PART = 16 << 20
MOST_PARTS = 10_000
_PIECE = 1 << 18
_FIRST_POLL_S = 0.25
_TRIES = 2  # how often a result is fetched that is not what it should be
_GONE = frozenset({"failed", "cancelled", "deleted"})


@dataclass(frozen=True, slots=True)
class Ask:
    """What a call list is checked for, in the words of the API."""

    channel: str
    category: str
    campaign: str = ""
    on_behalf: str = ""
    country: str = "CN"
    column: str = ""
    at: str | None = None


@dataclass(frozen=True)
class State:
    """What stands in the file beside a result: which scrub it is, for which file and ask, at which registry."""

    url: str
    file: str
    size: int
    changed: int
    ask: Ask
    idempotency: str
    scrub: str = ""


@dataclass
class Client:
    """One call list on its way, from `file` to `out`."""

    api: Api
    file: Path
    out: Path
    ask: Ask
    only: str = ""
    receipt: Path | None = None
    part: int = PART
    watch: Watch = lambda _stage, _done, _of, _left: None
    poll_s: float = 2.0
    _state: State | None = field(default=None, init=False)

    def run(self) -> dict[str, Any]:
        """Do all of it; the scrub as the API tells it at the end.

        Raises InvalidInputError (with the problem's code), ConflictError scrub_cancelled, scrub_deleted, FeedError
        file_changed, bad_result, UnavailableError held_by_guard, and as `Api.ask`.
        """
        self._state = self._begun()
        job = self._job()
        if job["state"] == "uploading":
            self._send()
            job = self.api.ask("POST", f"scrubs/{self._scrub}/submission")
        job = self._followed(job)
        if self.only:
            self._lines()
        else:
            self._result(job)
        self._receipt(job)
        self._place.unlink(missing_ok=True)
        return job

    # which scrub it is

    @property
    def _place(self) -> Path:
        return self.out.with_name(f".{self.out.name}.scrub.json")

    @property
    def _scrub(self) -> str:
        assert self._state is not None
        return self._state.scrub

    def _begun(self) -> State:
        """The state of the scrub that goes on, or of a new one."""
        found, wanted = self.file.stat(), None
        if not found.st_size:
            raise InvalidInputError("The file is empty.", code="empty_list")
        wanted = State(
            self.api.url, str(self.file.resolve()), found.st_size, found.st_mtime_ns, self.ask,
            f"client-{new_id(32)}",
        )
        known = self._known()
        if known is not None and replace(known, idempotency="", scrub="") == replace(wanted, idempotency=""):
            if known.scrub and not self._is_gone(known.scrub):
                return known
            wanted = wanted if known.scrub else known
        elif known is not None and known.scrub and known.url == wanted.url:
            self._let_go(known.scrub)
        self._partial.unlink(missing_ok=True)
        self._write(wanted)
        body = {**asdict(self.ask), "name": _name(self.file)}
        job = self.api.ask(
            "POST", "scrubs", json={name: value for name, value in body.items() if value is not None},
            headers={"Idempotency-Key": wanted.idempotency},
        )
        self._write(begun := replace(wanted, scrub=str(job["scrub"])))
        return begun

    def _known(self) -> State | None:
        try:
            return msgspec.json.decode(self._place.read_bytes(), type=State)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def _is_gone(self, scrub: str) -> bool:
        try:
            return self.api.ask("GET", f"scrubs/{scrub}")["state"] in _GONE
        except NotFoundError:
            return True

    def _let_go(self, scrub: str) -> None:
        """Delete what was sent of a list that is another one now."""
        with contextlib.suppress(NotFoundError, ConflictError):
            if self.api.ask("GET", f"scrubs/{scrub}")["state"] == "uploading":
                self.api.ask("DELETE", f"scrubs/{scrub}")

    def _write(self, state: State) -> None:
        _put(self._place, msgspec.json.encode(state))

    def _job(self) -> dict[str, Any]:
        return self.api.ask("GET", f"scrubs/{self._scrub}")

    # sending

    def _send(self) -> None:
        """Send the parts that are not there."""
        assert self._state is not None
        there = self._there()
        size, sent = self._state.size, 0
        step = max(self.part, -(-size // MOST_PARTS))
        with self.file.open("rb") as file:
            for number in range(1, -(-size // step) + 1):
                content = file.read(step)
                digest = hashlib.sha256(content)
                if there.get(number) != (len(content), digest.hexdigest()):
                    self._put_part(number, content, digest.hexdigest())
                sent += len(content)
                self.watch("send", sent, size, None)
        now = self.file.stat()
        if (sent, now.st_size, now.st_mtime_ns) != (size, size, self._state.changed):
            raise FeedError("The file was changed while it was sent; run the command again.", code="file_changed")

    def _there(self) -> dict[int, tuple[int, str]]:
        """Size and SHA-256 of the parts that came."""
        found = self.api.ask("GET", f"scrubs/{self._scrub}/parts")["parts"]
        return {each["part"]: (each["size"], each["sha256"]) for each in found}

    def _put_part(self, number: int, content: bytes, sha256: str) -> None:
        digest = base64.b64encode(bytes.fromhex(sha256)).decode()
        headers = {"Content-Type": "application/octet-stream", "Content-Digest": f"sha-256=:{digest}:"}
        while True:
            try:
                with self.api.opened("PUT", f"scrubs/{self._scrub}/parts/{number}", data=content, headers=headers):
                    return self.api.patience.further()
            except UnavailableError as error:
                self.api.patience.wait(error)
            if self._there().get(number) == (len(content), sha256):  # and a refusal is told here, not by a broken pipe
                return None

    # following

    def _followed(self, job: dict[str, Any]) -> dict[str, Any]:
        """The scrub when it is done."""
        wait = _FIRST_POLL_S
        while job["state"] in {"waiting", "running"}:
            self.watch("check", job["share"], 1, job.get("seconds_left"))
            if job["lane"] == "held":
                raise UnavailableError("An officer of the registry has to decide about this list first.",
                                       code="held_by_guard")  # fmt: skip
            time.sleep(wait)
            wait = min(2 * wait, self.poll_s)
            job = self._job()
        if job["state"] == "done":
            self.watch("check", 1, 1, 0)
            return job
        self._place.unlink(missing_ok=True)  # the same command again begins a new one
        if job["state"] == "failed":
            problem = job["problem"] or "failed"
            raise InvalidInputError(f"The list could not be checked: {_words(problem)}.", code=problem)
        raise ConflictError(f"The scrub was {job['state']} elsewhere.", code=f"scrub_{job['state']}")

    # fetching

    @property
    def _partial(self) -> Path:
        return self.out.with_name(f".{self.out.name}.part")

    def _result(self, job: Mapping[str, Any]) -> None:
        """Fetch the result, going on where an earlier attempt stopped, and put it in its place once it is verified."""
        size, sha256 = int(job["result"]["size"]), str(job["result"]["sha256"])
        if self.out.is_file() and self.out.stat().st_size == size and _digest(self.out) == sha256:
            return None  # only the receipt was missing
        for _ in range(_TRIES):
            self.api.patiently(lambda: self._fetch(size, sha256))
            if _digest(self._partial) == sha256:
                return self._publish()
            self._partial.unlink(missing_ok=True)
        raise FeedError("The result that comes is not the one the registry names.", code="bad_result")

    def _fetch(self, size: int, sha256: str) -> None:
        have = self._partial.stat().st_size if self._partial.exists() else 0
        if have == size:
            return
        headers = {"Accept-Encoding": "identity"}
        if 0 < have < size:
            headers |= {"Range": f"bytes={have}-", "If-Range": f'"{sha256}"'}
        with self.api.opened("GET", f"scrubs/{self._scrub}/result", headers=headers) as answer:
            goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            resumed = answer.status_code == requests.codes.partial_content and goes_on
            done = have if resumed else 0
            with _private(self._partial, append=resumed) as out:
                for piece in answer.iter_content(_PIECE):
                    out.write(piece)
                    done += len(piece)
                    self.api.patience.further()
                    self.watch("fetch", done, size, None)
        if done != size:
            raise UnavailableError("The connection broke.", code="registry_away")

    def _lines(self) -> None:
        """Fetch the lines of one verdict, from their beginning: an answer without a known length has no ranges."""

        def attempt() -> None:
            done = 0
            with (
                self.api.opened("GET", f"scrubs/{self._scrub}/result", params={"only": self.only}) as answer,
                _private(self._partial, append=False) as out,
            ):
                for piece in answer.iter_content(_PIECE):
                    out.write(piece)
                    done += len(piece)
                    self.watch("fetch", done, 0, None)

        self.api.patiently(attempt)
        self._publish()

    def _publish(self) -> None:
        self._partial.replace(self.out)

    def _receipt(self, job: Mapping[str, Any]) -> None:
        if self.receipt is None:
            return
        if not job["receipt"]:
            self._place.unlink(missing_ok=True)
            raise NotFoundError("This scrub has no receipt.", code="no_such_receipt")

        def attempt() -> bytes:
            with self.api.opened("GET", f"receipts/{job['receipt']}") as answer:
                return answer.content

        _put(self.receipt, self.api.patiently(attempt))


def _private(path: Path, *, append: bool) -> Any:
    """A file that only its owner reads: it holds numbers."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    return os.fdopen(os.open(path, flags, 0o600), "ab" if append else "wb")


def _put(path: Path, content: bytes) -> None:
    """Write a small file whole or not at all."""
    passing = path.with_name(f".{path.name}.{new_id(8)}")
    with _private(passing, append=False) as out:
        out.write(content)
    passing.replace(path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name(file: Path) -> str:
    """What the registry is told of the file's name: its ending, which may help to tell its format."""
    return f"call-list{''.join(file.suffixes[-2:]).lower()}"[:200] if file.suffix else "call-list"


def _words(problem: str) -> str:
    return problem.replace("_", " ")
