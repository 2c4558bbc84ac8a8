"""What departments answer: feedback on each clue, and what came of it; one by one, all at once, or by a CSV (rule 101).

Rules of this room:
- First feedback (accepted, returned with a reason, passed on to another department), then for what was accepted an
  outcome; an outcome alone says that it was accepted. Neither is said twice, and nothing of another batch's clues.
- What is passed on waits for the next batch of that department, which is told of it once.
- Each answer stands for itself: what is wrong with one is said of it, and the others count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import IO, TYPE_CHECKING

from registry.clues import Batch, Clue, batch_of, clue_of, department_called, keep, must
from registry.cluestates import due_after, move_of
from registry.errors import ConflictError, InvalidInputError, NotFoundError, RegistryError
from registry.logs import without_numbers
from registry.readers import read
from registry.readers.rows import Row

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.interfaces import Clock
    from registry.store import Store

FEEDBACK = ("accepted", "returned", "transferred")
OUTCOMES = ("punished", "warned", "exposed", "unfounded", "no_action")
RESULTS = (*FEEDBACK, *OUTCOMES)
MOST = 20_000  # answers at once
COLUMNS = frozenset({"clue", "result", "department", "note"})
_CHINESE = dict(zip(("受理", "退回", "转办", "处罚", "告诫", "曝光", "不属实", "不予处理"), RESULTS))
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What a department says of a clue: a word of RESULTS; `department`: to which it passed it on; `line` of a file."""

    clue: str
    result: str
    department: str = ""
    note: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one answer: taken (`error` None), or what stands against it."""

    answer: Answer
    error: RegistryError | None = None


def read_answers(stream: IO[bytes]) -> list[Answer]:
    """The answers of a CSV file, with words in English or Chinese; rows without a result are left alone, those that
    cannot be read are answers about nothing. Raises InvalidInputError as `readers.read`."""
    found = []
    for row in read(stream, format="csv", columns=COLUMNS):
        if not isinstance(row, Row):
            found.append(Answer("", "", line=row.line))
            continue
        clue, result, department, note = (
            str(row.fields.get(name) or "").strip() for name in ("clue", "result", "department", "note")
        )
        if result:
            word = _CHINESE.get(result, result.lower())
            found.append(Answer(clue[:40], word[:40], department.lower()[:40], note, row.line))
    return found


def answer(
    store: Store, clock: Clock, *, actor: Actor, batch: str, answers: Sequence[Answer]
) -> tuple[Told, ...]:
    """Take a department's answers; what became of each, in their order.

    Of the batch: NotFoundError no_such_batch, ConflictError clue_too_early (no receipt yet), clue_done_already,
    InvalidInputError too_many_answers. Of an answer: not_in_batch, bad_result, no_reason, no_such_department,
    same_department, clue_exists, answered_already, settled_already, not_accepted.
    """
    if len(answers) > MOST:
        raise InvalidInputError("These are too many answers at once.", code="too_many_answers")
    with store.writing(about="clues"):
        found = _answering(store, actor, batch)
        return _taken(store, clock, actor, found, answers)


def answer_all(
    store: Store, clock: Clock, *, actor: Actor, batch: str, result: str, department: str = "", note: str = ""
) -> tuple[Told, ...]:
    """Say the same of all clues that it can be said of: feedback of those without, an outcome of those accepted.

    Raises as `answer`.
    """
    with store.writing(about="clues"):
        found = _answering(store, actor, batch)
        open_ = [
            Answer(each.clue, result, department, note) for each in store.clues.of_batch(batch)
            if (not each.feedback if result in FEEDBACK else each.feedback in ("", "accepted") and not each.outcome)
        ]
        return _taken(store, clock, actor, found, open_)


def _answering(store: Store, actor: Actor, batch: str) -> Batch:
    found = batch_of(store, batch)
    must(actor, move_of("answer", found.state).needs)
    return found


def _taken(
    store: Store, clock: Clock, actor: Actor, batch: Batch, answers: Iterable[Answer]
) -> tuple[Told, ...]:
    now, told, changed = clock.now(), list[Told](), dict[str, Clue]()
    given = list(answers)
    known = store.clues.these(batch.batch, (each.clue for each in given))
    passed = dict[str, Clue]()
    for each in given:
        try:
            made = _answered(changed.get(each.clue) or known.get(each.clue), each)
            if made.passed_to:
                passed[made.clue] = _passed_on(store, made, actor.name, now)
        except RegistryError as error:
            told.append(Told(each, error))
            continue
        was = changed.get(each.clue) or known[each.clue]
        changed[each.clue] = replace(
            made, fed_back=was.fed_back or now, settled=now if made.outcome or made.feedback != "accepted" else None
        )
        told.append(Told(each))
    if changed:
        store.clues.put(changed.values())
        store.clues.put(passed.values())
        _count(store, clock, actor, batch, told)
    return tuple(told)


def _answered(clue: Clue | None, said: Answer) -> Clue:
    """A clue with an answer."""
    note = without_numbers(said.note.strip())[:_LONGEST]
    if clue is None:
        raise NotFoundError("There is no such clue in this batch.", code="not_in_batch")
    if said.result in OUTCOMES:
        if clue.outcome:
            raise ConflictError("What came of it was said before.", code="settled_already")
        if clue.feedback not in ("", "accepted"):
            raise ConflictError("The department did not accept it.", code="not_accepted")
        return replace(clue, feedback="accepted", outcome=said.result, note=note or clue.note)
    if said.result not in FEEDBACK:
        raise InvalidInputError("There is no such answer.", code="bad_result")
    if clue.feedback:
        raise ConflictError("There is feedback on it already.", code="answered_already")
    if said.result == "returned" and not note:
        raise InvalidInputError("Please say why.", code="no_reason")
    passed = said.department.strip() if said.result == "transferred" else ""
    if said.result == "transferred" and department_called(passed).department == clue.department:
        raise InvalidInputError("It was passed on to another department.", code="same_department")
    return replace(clue, feedback=said.result, passed_to=passed, note=note)


def _passed_on(store: Store, clue: Clue, actor: str, now: datetime) -> Clue:
    """The clue for the department to which another one passed it on."""
    made = clue_of(
        clue.kind, clue.source, clue.source_id, clue.passed_to, class_=clue.class_, category=clue.category, at=clue.at,
        caller=clue.caller, facts=clue.facts, added=now, added_by=actor, reason=f"passed on by {clue.department}",
    )
    if store.clues.has_subject(made):
        raise ConflictError("The department was told of this already.", code="clue_exists")
    return made


def _count(store: Store, clock: Clock, actor: Actor, batch: Batch, told: Sequence[Told]) -> None:
    """Count what was answered; the batch moves on where all of it is."""
    answered, settled = store.clues.progress(batch.batch)
    state = "closed" if settled == batch.clues else "answered" if answered == batch.clues else "received"
    due = due_after(state, batch.kind, clock.now()) if state != batch.state else batch.due
    made = replace(batch, answered=answered, settled=settled, state=state, due=due)
    store.clues.put_batch(made)
    words = Counter(each.answer.result for each in told if each.error is None)
    note = ", ".join(f"{word} {count}" for word, count in sorted(words.items()))
    keep(store, clock, made, actor.name, "answer", note)
