"""What time does with reports: deadlines that ran out are counted, people are told, what is over is closed (rule 87).

Rules of this room:
- A deadline that ran out is counted once, stays to be seen, and is the centre's matter too from then on; the desk may
  still answer, late.
- Where the calendar did not know a year, the report waits without a deadline, an alarm says so (`alarms.py`), and its
  deadline is computed from the moment it began as soon as the calendar knows.
- A person is told by text message only where the report came with their proved number; the message names the
  reference and the outcome and nobody else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from registry.errors import UnavailableError
from registry.handling import Handling, Tools, deadline_of, move_inside, rulebook_of
from registry.handlingmoves import Deadline, begun_by, move_of
from registry.numbers import Number
from registry.sealing import SealedNumber, unseal_one
from registry.times import from_micros, to_micros
from registry.webhook_events import REPORT_OVERDUE, emit

if TYPE_CHECKING:
    from registry.interfaces import SmsGateway

AT_ONCE = 500
_SYSTEM = "system"
_TEXTS = {
    "zh_CN": "【谢绝来电】您的举报（编号{reference}）已有处理结果：{outcome}。"
    "可在网站凭编号查询；如有异议，请在15日内提出。",
    "en": "Decline Call: your report {reference} has been dealt with: {outcome}. Look it up by its reference; "
    "you may object within 15 days.",
}
_OUTCOMES = {
    "zh_CN": {"violation": "确认违规", "unfounded": "未发现违规"},
    "en": {"violation": "a violation was found", "unfounded": "no violation was found"},
}


def complete(tools: Tools) -> int:
    """Give reports the deadlines that the calendar could not say when they began; how many."""
    with tools.store.writing(about="reports undated"):
        waiting = tools.store.handling.undated(limit=AT_ONCE)
        done = [each for each in waiting if _completed(tools, each)]
    return len(done)


def _completed(tools: Tools, found: Handling) -> bool:
    kind, began = _running(tools, found)
    try:
        ends = deadline_of(kind, began, rulebook_of(tools, found), tools.plan, zone=tools.zone) if kind else None
    except UnavailableError:
        return False
    tools.store.handling.change(
        found.source, found.source_id, due=to_micros(ends) if ends else 0, undated=0
    )
    return True


def _running(tools: Tools, found: Handling) -> tuple[Deadline, datetime]:
    """The deadline that runs, and when it began."""
    for made in reversed(tools.store.handling.moves(found.source, found.source_id)):
        kind = begun_by(made["action"])
        if kind:
            return kind, from_micros(made["at"])
    return "", found.received


def lapse(tools: Tools) -> int:
    """Count the deadlines that ran out since; their desks are told of how many; of how many."""
    now = to_micros(tools.clock.now())
    with tools.store.writing(about="reports overdue"):
        late = tools.store.handling.overdue(at=now, limit=AT_ONCE)
        for each in late:
            tools.store.handling.change(each.source, each.source_id, late=each.late + 1, escalated=1)
            tools.store.handling.note(each, at=now, actor=_SYSTEM, action="late", state=each.state, note="")
        for desk, count in sorted(Counter(each.desk for each in late if each.desk).items()):
            emit(tools.store, tools.clock, type=REPORT_OVERDUE, party=desk, data={"reports": count})
    return len(late)


def close(tools: Tools) -> int:
    """Close what nobody came back about within the time to reply (rule 89); how many."""
    now = to_micros(tools.clock.now())
    with tools.store.writing(about="reports told"):
        over = tools.store.handling.ended("told", at=now, limit=AT_ONCE)
        for each in over:
            move_inside(tools, each, move_of("close", each.state, "system"), actor=_SYSTEM)
    return len(over)


def tell(tools: Tools, sms: SmsGateway, *, language: str) -> int:
    """Tell people what came of their reports; how many are told. Stops where the gateway takes no message; what is
    left is tried again by the next run."""
    told = 0
    for each in tools.store.handling.ended("fed_back", at=1 << 62, limit=AT_ONCE):
        number = _reporter(tools, each)
        if number is not None:
            try:
                sms.send(number, text_of(each, language))
            except UnavailableError:
                break
        with tools.store.writing(about=f"report {each.reference}"):
            now = tools.store.handling.of_reference(each.reference)
            if now is not None and now.state == "fed_back":
                move_inside(tools, now, move_of("tell", now.state, "system"), actor=_SYSTEM)
                told += 1
    return told


def text_of(found: Handling, language: str) -> str:
    """The text message about a report."""
    language = language if language in _TEXTS else "zh_CN"
    outcome = _OUTCOMES[language].get(found.outcome, _OUTCOMES[language]["unfounded"])
    return _TEXTS[language].format(reference=found.reference, outcome=outcome)


def _reporter(tools: Tools, found: Handling) -> Number | None:
    sealed = tools.store.handling.reporter(found.source, found.source_id) if found.source == "people" else None
    return unseal_one(tools.keys.at_rest, SealedNumber(sealed)) if sealed else None


def run(tools: Tools, sms: SmsGateway, *, language: str, keep: Callable[[], None]) -> dict[str, int]:
    """All of it, until nothing is left to do; counts."""
    steps: Sequence[tuple[str, Callable[[], int]]] = (
        ("completed", lambda: complete(tools)), ("told", lambda: tell(tools, sms, language=language)),
        ("closed", lambda: close(tools)), ("overdue", lambda: lapse(tools)),
    )
    return until_done(steps, keep)


def until_done(steps: Sequence[tuple[str, Callable[[], int]]], keep: Callable[[], None]) -> dict[str, int]:
    """Each step again as long as it did AT_ONCE of something; how many each did. `keep`: called after each."""
    counts = dict.fromkeys((name for name, _step in steps), 0)
    for name, step in steps:
        done = AT_ONCE
        while done == AT_ONCE:
            done = step()
            counts[name] += done
            keep()
    return counts
