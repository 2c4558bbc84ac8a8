"""Conformance runs: a right implementation passes, each way of being wrong is named, nothing ends a run."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from registry import sandbox
from registry.numbering import NumberPlan
from registry.numbers import parse_one
from sync.__main__ import main
from sync.conformance import GIVE_UP, Finding, Run, edition_finding
from sync.contract import Question

EDITION = 7
Answers = Callable[[dict[str, Any]], Any]


def right(question: dict[str, Any]) -> dict[str, Any]:
    """What the cases say; of everything else, nothing."""
    magic, asked = sandbox.load(), msgspec.convert(question, Question)
    for case in magic.cases:
        for answer in magic.answers(case, EDITION):
            said = (answer.at, answer.channel.slug, answer.category.slug, answer.content.slug, answer.party)
            if asked.number == str(case.number.digits)[2:] and said == (
                asked.at, asked.channel, asked.category, asked.content, asked.party
            ):
                return {"allow": answer.allow, "edition": EDITION, "reason": answer.reason, "rule": answer.rule}
    raise ValueError("no such question")


class Implementation(BaseHTTPRequestHandler):
    """Somebody's own lookup service, right or wrong as the test wants it."""

    answers: Answers
    raw: Callable[[BaseHTTPRequestHandler], None] | None
    asked: list[int]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(1)
        if self.raw is not None:
            self.raw()
            return
        try:
            if isinstance(body, dict) and "questions" in body:
                said: Any = {"answers": [self.answers(each) for each in body["questions"]]}
            else:
                said = self.answers(body)
        except (ValueError, TypeError):
            self.say(400, b"{}")
        else:
            self.say(200, json.dumps(said).encode())

    def say(self, status: int, content: bytes, media: str = "application/json; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def implementing(answers: Answers = right, raw: Any = None) -> Iterator[tuple[str, list[int]]]:
    told = {"answers": staticmethod(answers), "raw": raw, "asked": []}
    handler = type("Mine", (Implementation,), told)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler.asked  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def problems(findings: list[Finding]) -> set[str]:
    return {finding.problem for finding in findings if not finding.passed}


def test_an_implementation_that_answers_as_documented_passes() -> None:
    with implementing() as (url, _):
        run = Run(url)
        assert [finding for finding in run.go() if not finding.passed] == []
    assert run.editions == {EDITION}
    assert len(run.findings) > 70


def test_reason_and_rule_may_be_left_out_but_must_be_right_where_they_are_given() -> None:
    def bare(question: dict[str, Any]) -> dict[str, Any]:
        said = right(question)
        return {"allow": said["allow"], "edition": said["edition"], "own": "words"}

    with implementing(bare) as (url, _):
        assert problems(list(Run(url).go())) == set()
    with implementing(lambda question: right(question) | {"reason": "because"}) as (url, _):
        assert problems(list(Run(url).go())) == {"wrong_reason"}


def test_what_is_blocked_wrongly_is_named_with_its_rule_and_the_rest_passes() -> None:
    def forgets_exceptions(question: dict[str, Any]) -> dict[str, Any]:
        said = right(question)
        return said | ({"allow": False} if said["reason"] == "personal_allow" else {})

    with implementing(forgets_exceptions) as (url, _):
        failed = [finding for finding in Run(url, batch=False).go() if not finding.passed]
    cases = {"allows-one-company", "allowed-until-a-day", "consent-comes-and-goes"}
    assert {finding.case for finding in failed} == cases
    assert {finding.problem for finding in failed} == {"wrong_answer"}
    assert all("rule 40" in finding.why for finding in failed)


def test_an_answer_without_its_edition_or_of_another_one_is_found() -> None:
    with implementing(lambda question: right(question) | {"edition": 0}) as (url, _):
        assert problems(list(Run(url).go())) == {"no_edition"}
    with implementing(lambda question: right(question) | {"edition": EDITION + 1}) as (url, _):
        failed = {finding.case for finding in Run(url).go() if not finding.passed}
    assert {"toggles", "changes-its-mind", "consent-comes-and-goes"} <= failed
    assert edition_finding({7}, before=7, after=7).passed
    assert edition_finding({7, 8}, before=7, after=8).passed
    assert edition_finding({6}, before=7, after=8).problem == "another_edition"
    assert not edition_finding(set(), before=7, after=8).passed


def _slow(handler: Any) -> None:
    time.sleep(0.4)
    handler.say(200, b"{}")


def _dripping(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" ")
        time.sleep(0.05)


def _endless(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" " * 65536)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (lambda handler: handler.say(500, b"oops"), "bad_status"),
        (lambda handler: handler.say(302, b""), "bad_status"),
        (lambda handler: handler.say(200, b"{}", "text/html"), "bad_type"),
        (lambda handler: handler.say(200, b"\xff\xfe not json"), "not_json"),
        (lambda handler: handler.say(200, b'{"allow": "yes"}'), "not_json"),
        (lambda handler: handler.say(200, b"[" * 5000), "not_json"),
        (lambda handler: handler.connection.close(), "no_answer"),
        (_endless, "too_long"),
        (_slow, "too_late"),
        (_dripping, "too_late"),
    ],
    ids=["500", "redirect", "html", "garbage", "wrong type", "deep", "hangs up", "endless", "slow", "dripping"],
)
def test_whatever_comes_back_is_a_finding_and_never_the_end(raw: Any, problem: str) -> None:
    with implementing(raw=raw) as (url, asked):
        found = list(Run(url, timeout=0.25).go()) if problem == "too_late" else list(Run(url, timeout=20).go())
    ours = [finding for finding in found if not finding.case.startswith("bad-")]
    assert problems(ours) <= {problem, "not_asked"}
    assert ours[0].problem == problem
    if problem in {"no_answer", "too_late"}:
        assert len(asked) <= 2 * GIVE_UP  # a library may try once more on a fresh connection
        assert ours[-1].problem == "not_asked"


def test_nonsense_must_be_refused_and_batches_answered_in_order() -> None:
    def answers_anything(question: dict[str, Any]) -> dict[str, Any]:
        try:
            return right(question)
        except (ValueError, TypeError):
            return {"allow": True, "edition": EDITION}

    with implementing(answers_anything) as (url, _):
        failed = {finding.case: finding.problem for finding in Run(url).go() if not finding.passed}
    assert failed == dict.fromkeys(("bad-number", "bad-channel", "bad-moment", "bad-body"), "not_refused")

    def one_short(handler: Any) -> None:
        handler.say(200, b'{"answers": [], "allow": true, "edition": 7}')

    with implementing(raw=one_short) as (url, _):
        last = list(Run(url).go())[-1]
    assert (last.case, last.problem) == ("batch", "batch_differs")


def test_the_command_prints_what_failed_and_ends_with_one() -> None:
    with implementing(lambda question: right(question) | {"allow": True}) as (url, _):
        done = CliRunner().invoke(main, ["conformance", url])
        as_json = CliRunner().invoke(main, ["conformance", url, "--json"])
    assert done.exit_code == 1
    assert "FAILED declines-everything [wrong_answer]" in done.stdout
    assert "rule 49(7)" in done.stdout
    said = json.loads(as_json.stdout)
    assert (as_json.exit_code, said["editions"]) == (1, [EDITION])
    assert said["failed"] == sum(bool(each["problem"]) for each in said["findings"]) > 10
    assert CliRunner().invoke(main, ["conformance", "http://127.0.0.1:1", "--feed-url", "x"]).exit_code == 2
    nobody = CliRunner().invoke(main, ["conformance", "http://127.0.0.1:1"])
    assert (nobody.exit_code, nobody.exception.__class__) == (1, SystemExit)


def test_every_question_is_about_a_magic_number(plan: NumberPlan) -> None:
    numbers = {case.number for case in sandbox.load().cases}
    with implementing() as (url, _):
        for finding in Run(url, batch=False).go():
            if not finding.case.startswith("bad-"):
                assert parse_one(str(finding.asked["number"]), plan.with_sandbox()) in numbers
