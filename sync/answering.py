"""`decline-sync serve`: the reference client's answers over the contract of conformance runs, on this machine alone.

Rules of this room: loopback only, since it asks for no key; a bad question is told what is wrong with it (400) and
harms nothing; every answer comes from one whole edition, also while a follower brings the next.
"""

from __future__ import annotations

import threading
from datetime import UTC
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

from registry.decisions import Content
from registry.errors import FeedError, InvalidInputError, NotFoundError, RegistryError, UnavailableError
from registry.numbering import load_plan
from registry.numbers import parse_one
from registry.preferences import category_of, channel_of
from registry.rulebook import load_rulebooks
from sync.contract import MOST_BYTES, MOST_QUESTIONS, PATH, TYPE, Answer, Answers, Question, Questions
from sync.lookup import Lookup
from sync.state import StateFolder

SILENT_S = 30  # a client that says nothing for so long is let go
TRIES = 3  # while a follower brings other editions over the one that is being read
_CONTENTS = {content.slug: content for content in Content}


class Answerer:
    """Answers questions from the list in a state folder, the newest that is there."""

    def __init__(self, folder: StateFolder) -> None:
        self._folder, self._plan, self._rulebooks = folder, load_plan().with_sandbox(), load_rulebooks()
        self._lock = threading.Lock()
        self._seen = self._stamp()
        self._lookup = Lookup.open(folder, self._plan, self._rulebooks)

    def answer(self, question: Question) -> Answer:
        """The answer to one question. Raises InvalidInputError where it cannot be asked."""
        number = parse_one(question.number, self._plan)
        channel, category = channel_of(question.channel), category_of(question.category)
        if question.content not in _CONTENTS:
            raise InvalidInputError("There is no such content.", code="unknown_content")
        if question.at.tzinfo is None:
            raise InvalidInputError("A moment needs its zone.", code="bad_moment")
        for attempt in range(TRIES):
            lookup = self._newest(anew=attempt > 0)
            edition = lookup.edition
            try:
                found = lookup.decide(
                    number, at=question.at.astimezone(UTC), channel=channel, category=category,
                    content=_CONTENTS[question.content], party=question.party or None,
                )
            except FeedError:
                continue
            if lookup.edition == edition:
                return Answer(allow=found.allow, edition=edition, reason=found.reason, rule=found.rule)
        raise UnavailableError("The follower is bringing another edition just now.", code="list_moves")

    def _newest(self, *, anew: bool) -> Lookup:
        with self._lock:
            stamp = self._stamp()
            if anew or stamp != self._seen:
                self._lookup, self._seen = Lookup.open(self._folder, self._plan, self._rulebooks), stamp
            return self._lookup

    def _stamp(self) -> int:
        try:
            return (self._folder.folder / "status.json").stat().st_mtime_ns
        except FileNotFoundError as error:
            raise NotFoundError("There is no list in this folder yet.", code="no_list") from error


def server(answerer: Answerer, port: int) -> ThreadingHTTPServer:
    """An HTTP server on loopback that answers `POST /lookup`; port 0 takes a free one."""
    handler = type("Handler", (_Handler,), {"answerer": answerer})
    made = ThreadingHTTPServer(("127.0.0.1", port), handler)
    made.daemon_threads = True
    return made


class _Handler(BaseHTTPRequestHandler):
    answerer: Answerer
    timeout = SILENT_S
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        if self.path != PATH:
            return self._say(404, {"detail": "There is only POST /lookup."})
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MOST_BYTES:
            self.close_connection = True
            return self._say(413, {"detail": f"A body of at most {MOST_BYTES} bytes, and its length, is needed."})
        try:
            self._say(200, self._answer(self.rfile.read(int(length))))
        except (msgspec.DecodeError, RecursionError):  # nested too deeply
            self._say(400, {"detail": "This is no question.", "code": "bad_question"})
        except InvalidInputError as error:
            self._say(400, {"detail": error.detail, "code": error.code})
        except RegistryError as error:
            self._say(503, {"detail": error.detail, "code": error.code})

    def _answer(self, body: bytes) -> Answer | Answers:
        said = msgspec.json.decode(body)
        if isinstance(said, dict) and "questions" in said:
            asked = msgspec.convert(said, Questions).questions
            if len(asked) > MOST_QUESTIONS:
                raise InvalidInputError(f"At most {MOST_QUESTIONS} questions at once.", code="too_many_questions")
            return Answers([self.answerer.answer(each) for each in asked])
        return self.answerer.answer(msgspec.convert(said, Question))

    def _say(self, status: int, said: object) -> None:
        content = msgspec.json.encode(said)
        self.send_response(status)
        self.send_header("Content-Type", TYPE)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Questions hold numbers; nothing of them is written anywhere."""
