"""Conformance runs: asks a carrier's own implementation about every magic number, and says where it is wrong.

Rules of this room:
- What must be answered stands in `registry/sandbox.toml`; which answer counts depends on the edition that the
  implementation says it has.
- Whatever comes back (nothing, too late, too long, another type, garbage) is a finding about one question and never
  ends the run; an implementation that is not there at all is asked a few times, not a hundred.
- A finding names the question, what was expected and the rule it stands on; magic numbers are nobody's, so they may be
  named.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

import msgspec
import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from registry import sandbox
from registry.decisions import REASONS
from sync.contract import MOST_BYTES, PATH, TYPE, Answer, Answers, Question, Questions
from sync.source import CONNECT_S

GIVE_UP = 3  # questions in a row that nobody answered
CHUNK = 1 << 14
Said = Mapping[str, object]
_A = TypeVar("_A", Answer, Answers)
Problem = Literal[
    "", "wrong_answer", "wrong_reason", "no_edition", "no_answer", "too_late", "bad_status", "bad_type", "too_long",
    "not_json", "not_asked", "not_refused", "another_edition", "batch_differs",
]  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """How one question went; `problem` "" where all was well. `why` is a sentence for engineers."""

    case: str
    asked: Said
    expected: Said
    got: Said
    problem: Problem = ""
    why: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether it went as it should."""
        return not self.problem


@dataclass
class Run:
    """One run against one implementation. `timeout` in seconds; `newest` the sandbox feed's edition before the run."""

    url: str
    timeout: float = 5.0
    batch: bool = True
    findings: list[Finding] = field(default_factory=list)
    editions: set[int] = field(default_factory=set)
    silent: int = 0

    def __post_init__(self) -> None:
        self._session = requests.Session()

    @property
    def failed(self) -> tuple[Finding, ...]:
        """What did not go as it should."""
        return tuple(finding for finding in self.findings if not finding.passed)

    def go(self) -> Iterator[Finding]:
        """Ask everything; the findings as they come."""
        magic = sandbox.load()
        for case in magic.cases:
            for question, answers in _questions(case).items():
                yield self._note(self._one(case.id, question, answers, magic))
        for name, body in _BAD.items():
            yield self._note(self._bad(name, body))
        if self.batch:
            yield self._note(self._many(magic))
        self._session.close()

    def _note(self, finding: Finding) -> Finding:
        self.findings.append(finding)
        return finding

    def _one(
        self, name: str, question: Question, answers: list[sandbox.Answer], magic: sandbox.Sandbox
    ) -> Finding:
        asked = _plain(question)
        said = self._ask(question, Answer)
        if isinstance(said, _Trouble):
            return Finding(name, asked, _expected(answers[0]), said.got, said.problem, said.why, said.seconds)
        return _judged(name, asked, answers, said.answer, magic, said.seconds, self.editions)

    def _bad(self, name: str, body: object) -> Finding:
        """A question that cannot be answered must be refused (4xx), neither answered nor fallen over."""
        asked = body if isinstance(body, dict) else {"body": body}
        said = self._ask(body, Answer)
        if isinstance(said, _Trouble) and said.problem != "bad_status":
            return Finding(name, asked, {"status": "4xx"}, said.got, said.problem, said.why, said.seconds)
        status = said.got.get("status") if isinstance(said, _Trouble) else 200
        if isinstance(status, int) and 400 <= status < 500:
            return Finding(name, asked, {"status": "4xx"}, {"status": status}, seconds=said.seconds)
        why = "A question that makes no sense must be refused with a status of 4xx, or a mistake goes unseen."
        return Finding(name, asked, {"status": "4xx"}, {"status": status}, "not_refused", why, said.seconds)

    def _many(self, magic: sandbox.Sandbox) -> Finding:
        """All questions in one body: as many answers, in the same order, each as it must be."""
        pairs = [(case, q, answers) for case in magic.cases for q, answers in _questions(case).items()]
        said = self._ask(Questions([question for _, question, _ in pairs]), Answers)
        asked, expected = {"questions": len(pairs)}, {"answers": len(pairs)}
        if isinstance(said, _Trouble):
            return Finding("batch", asked, expected, said.got, said.problem, said.why, said.seconds)
        got = {"answers": len(said.answer.answers)}
        if len(said.answer.answers) != len(pairs):
            why = "A batch is answered question by question, in the same order."
            return Finding("batch", asked, expected, got, "batch_differs", why, said.seconds)
        for place, ((case, question, answers), each) in enumerate(zip(pairs, said.answer.answers)):
            found = _judged(case.id, _plain(question), answers, each, magic, said.seconds, self.editions)
            if not found.passed:
                why = f"Question {place + 1} of the batch ({case.id}): {found.why}"
                return Finding("batch", found.asked, found.expected, found.got, found.problem, why, said.seconds)
        return Finding("batch", asked, expected, got, seconds=said.seconds)

    def _ask(self, body: object, kind: type[_A]) -> _Heard[_A] | _Trouble:
        """Post a body; the answer, or what is wrong with it."""
        if self.silent >= GIVE_UP:
            return _Trouble("not_asked", f"Nobody answered {GIVE_UP} questions in a row; the rest were not asked.", {})
        began = time.monotonic()
        found = self._post(msgspec.json.encode(body), kind, began)
        self.silent = self.silent + 1 if isinstance(found, _Trouble) and found.problem in _SILENT else 0
        return found

    def _post(self, body: bytes, kind: type[_A], began: float) -> _Heard[_A] | _Trouble:
        def spent() -> float:
            return round(time.monotonic() - began, 3)

        try:
            with self._session.post(
                self.url.rstrip("/") + PATH, data=body, headers={"Content-Type": TYPE, "Accept": TYPE}, stream=True,
                timeout=(min(CONNECT_S, self.timeout), self.timeout), allow_redirects=False,
            ) as answer:
                content = bytearray()
                while chunk := answer.raw.read1(CHUNK, decode_content=True):  # whatever has come, so that time counts
                    content += chunk
                    if len(content) > MOST_BYTES * 2:
                        return _Trouble("too_long", "The answer does not end.", {"bytes": len(content)}, spent())
                    if spent() > self.timeout:
                        return _late(self.timeout, spent())
                status, media = answer.status_code, answer.headers.get("Content-Type", "")
        except (requests.Timeout, ReadTimeoutError):
            return _late(self.timeout, spent())
        except (requests.RequestException, HTTPError, OSError) as error:
            word = type(error).__name__
            return _Trouble("no_answer", f"No HTTP answer came ({word}).", {}, spent())
        if spent() > self.timeout:
            return _late(self.timeout, spent())
        if status != requests.codes.ok:
            return _Trouble("bad_status", f"The answer has the status {status}.", {"status": status}, spent())
        if media.partition(";")[0].strip().lower() != TYPE:
            got: Said = {"content_type": media[:80]}
            return _Trouble("bad_type", f"The answer's Content-Type is not {TYPE}.", got, spent())
        try:
            return _Heard(msgspec.json.decode(bytes(content), type=kind), spent())
        except (msgspec.DecodeError, RecursionError) as error:
            got = {"body": bytes(content[:80]).decode("utf-8", "replace")}
            return _Trouble("not_json", f"The answer is not what the contract says: {error}.", got, spent())


@dataclass(frozen=True)
class _Heard(Generic[_A]):
    answer: _A
    seconds: float


@dataclass(frozen=True)
class _Trouble:
    problem: Problem
    why: str
    got: Said
    seconds: float = 0.0


_SILENT = {"no_answer", "too_late"}
_BAD: dict[str, object] = {
    "bad-number": {"number": "12", "at": "2026-11-23T10:00:00+08:00", "channel": "calls", "category": "loan"},
    "bad-channel": {"number": "15400000001", "at": "2026-11-23T10:00:00+08:00", "channel": "smoke", "category": "loan"},
    "bad-moment": {"number": "15400000001", "at": "yesterday", "channel": "calls", "category": "loan"},
    "bad-body": ["no", "question"],
}


def _late(timeout: float, seconds: float) -> _Trouble:
    return _Trouble("too_late", f"No whole answer came within {timeout:g} s; a call cannot wait.", {}, seconds)


def _questions(case: sandbox.Case) -> dict[Question, list[sandbox.Answer]]:
    """The different questions of a case; what must be answered may depend on the edition."""
    found: dict[Question, list[sandbox.Answer]] = {}
    for answer in case.answers:
        question = Question(
            number=str(case.number.digits)[2:], at=answer.at, channel=answer.channel.slug,
            category=answer.category.slug, content=answer.content.slug, party=answer.party,
        )
        found.setdefault(question, []).append(answer)
    return found


def _judged(
    name: str, asked: Said, answers: list[sandbox.Answer], got: Answer, magic: sandbox.Sandbox,
    seconds: float, editions: set[int],
) -> Finding:
    """Whether an answer is the one that its edition asks for."""
    said = _plain(got)
    if got.edition < 1:
        why = "The answer does not say on which edition it stands (`edition`)."
        return Finding(name, asked, _expected(answers[0]), said, "no_edition", why, seconds)
    editions.add(got.edition)
    right = next((each for each in answers if magic.place(got.edition) in each.places), answers[0])
    expected = _expected(right)
    if got.allow != right.allow:
        word = "allowed" if right.allow else "blocked"
        why = f"It must be {word} by rule {right.rule}: {REASONS[right.reason].sentence}"
        return Finding(name, asked, expected, said, "wrong_answer", why, seconds)
    if (got.reason and got.reason != right.reason) or (got.rule and got.rule != right.rule):
        why = f"The answer is right, its reason is not: {right.reason}, rule {right.rule}."
        return Finding(name, asked, expected, said, "wrong_reason", why, seconds)
    return Finding(name, asked, expected, said, seconds=seconds)


def _expected(answer: sandbox.Answer) -> Said:
    return {"allow": answer.allow, "reason": answer.reason, "rule": answer.rule}


def _plain(message: Question | Answer) -> Said:
    found: Said = msgspec.to_builtins(message)
    return found


def edition_finding(said: set[int], *, before: int, after: int) -> Finding:
    """Whether all editions that an implementation named lie between the feed's newest before and after the run."""
    got, expected = {"editions": sorted(said)}, {"editions": [before, after] if after > before else [before]}
    if said and all(before <= edition <= after for edition in said):
        return Finding("edition", {}, expected, got)
    why = "The implementation does not stand on the newest edition of its sandbox feed: let it follow, then run again."
    return Finding("edition", {}, expected, got, "another_edition", why)
