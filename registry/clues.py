"""Clues: what other departments are told of, a quarter's at its cut-off, crime at once (rules 88, 96, 101; RULES §5).

Rules of this room:
- A clue is an upheld report, a case or a merchant's fine; a department gets each once. It holds nothing of who reported
  or was called (rule 90) and no text of theirs: evidence is a count under a reference, to be asked for.
- What goes into a quarter's batch is what stood at the cut-off (rule 105); it is frozen then, so that its package can
  be made again byte for byte. What falls afterwards is told with the department's next package.
- What is unlawful goes to the police at once, as soon as it is complete, found or not (rule 88); what is held does not.
- Where no department is known, the batch is made for nobody and an officer names one: nothing is lost or guessed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from registry import audit
from registry.access import may
from registry.departments import BY_CATEGORY, DEPARTMENTS, POLICE, Department, department_of
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.logs import without_numbers
from registry.naming import LETTERS
from registry.preferences import Category
from registry.times import from_micros, iso, to_micros

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.interfaces import Clock
    from registry.sealing import SealedNumber
    from registry.store import Store

Kind = Literal["case", "fine", "report"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_LONG, _LONGEST = 16, 500


@dataclass(frozen=True, slots=True)
class Clue:
    """One clue. `facts`: what the package says of it, by column; `batch` "": it waits for the next one; `withdrawn`:
    since when it stands no longer, `told`: the batch that says so; `feedback`, `outcome`: what the department said."""

    clue: str
    kind: Kind
    source: str
    source_id: str
    department: str
    class_: str
    category: int
    at: datetime
    caller: SealedNumber | None
    facts: Mapping[str, str]
    added: datetime
    added_by: str = "system"
    reason: str = ""
    batch: str = ""
    place: int = 0
    withdrawn: datetime | None = None
    told: str = ""
    feedback: str = ""
    fed_back: datetime | None = None
    passed_to: str = ""
    outcome: str = ""
    settled: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch for a department ("" none is known yet). `topic`: what it was made for; `answered`, `settled`: how many
    of its clues have feedback, an outcome or need none; `envelope`: what was signed; `due`: of the state it is in."""

    batch: str
    quarter: str
    kind: str
    topic: str
    part: int
    department: str
    state: str
    cutoff: datetime
    clues: int
    answered: int
    settled: int
    envelope: str
    made: datetime
    reviewed_by: str = ""
    sent: datetime | None = None
    way: str = ""
    received: datetime | None = None
    receiver: str = ""
    file_number: str = ""
    due: datetime | None = None

    @property
    def urgent(self) -> bool:
        """Whether it is about crime."""
        return self.kind == "urgent"


@dataclass(frozen=True, slots=True)
class Topic:
    """What a quarter's batch is made for: a class and categories, and the department that answers, "" for none."""

    topic: str
    department: str
    class_: str
    categories: tuple[int, ...] = field(default=tuple(range(-1, len(Category))))


def _topics() -> tuple[Topic, ...]:
    by_department: dict[str, list[int]] = {}
    for category in Category:
        by_department.setdefault(BY_CATEGORY.get(category, ""), []).append(int(category))
    nobody = by_department.pop("")
    found = [Topic(name, name, "commercial", tuple(each)) for name, each in sorted(by_department.items())]
    for each in nobody:
        also = (-1,) if each == Category.OTHER else ()  # without a category it is an other one
        found.append(Topic(Category(each).slug, "", "commercial", (each, *also)))
    return (*found, Topic("malicious", "", "malicious"))


TOPICS: tuple[Topic, ...] = _topics()


def batch_of(store: Store, batch: str) -> Batch:
    """A batch. Raises NotFoundError no_such_batch."""
    found = store.clues.batch(batch)
    if found is None:
        raise NotFoundError("There is no such batch of clues.", code="no_such_batch")
    return found


def name_of(*parts: object) -> str:
    """A name of letters alone, always the same for the same parts: it is never taken for a number."""
    raw = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return "".join(LETTERS[byte % 16] for byte in raw[:_LONG])


def must(actor: Actor, action: str) -> None:
    """Raises NotAllowedError not_allowed, where somebody's role does not allow an action."""
    if not may(actor, action):
        raise NotAllowedError("You may not do this.", code="not_allowed", action=action)


def said(reason: str) -> str:
    """A reason without numbers. Raises InvalidInputError no_reason for an empty one."""
    text = without_numbers(reason.strip())[:_LONGEST]
    if not text:
        raise InvalidInputError("Please say why.", code="no_reason")
    return text


def keep(store: Store, clock: Clock, batch: Batch, actor: str, action: str, note: str = "") -> None:
    """A move in the timeline of a batch and in the audit trail, last in its transaction."""
    store.clues.note(batch, at=to_micros(clock.now()), actor=actor, action=action, note=note)
    audit.append(store, clock, actor=actor, action=f"clues_{action}", subject=f"clues:{batch.batch}",
                 detail={"state": batch.state, "department": batch.department})  # fmt: skip


# clues that somebody refers


def refer(
    store: Store, clock: Clock, *, actor: Actor, reason: str, case_id: str = "", penalty: str = "",
    enterprise: str = "", category: int = -1, department: str = "",
) -> Clue:
    """Refer a case, or a merchant's fine (rule 96), to the department of its industry, or to one that is named; it goes
    with the next package, to the police at once.

    Raises NotFoundError no_such_case, no_such_enterprise, no_such_department, ConflictError no_department, clue_exists,
    InvalidInputError no_reason, nothing_to_refer.
    """
    must(actor, "propose")
    with store.writing(about="clues"):
        return refer_inside(
            store, clock, actor=actor, reason=reason, case_id=case_id, penalty=penalty, enterprise=enterprise,
            category=category, department=department,
        )


def refer_inside(
    store: Store, clock: Clock, *, actor: Actor, reason: str, case_id: str = "", penalty: str = "",
    enterprise: str = "", category: int = -1, department: str = "",
) -> Clue:
    """As `refer`, inside an open `writing()`, of whoever was found to be allowed to."""
    why, now = said(reason), clock.now()
    case = store.cases.case(case_id) if case_id else None
    if case_id and case is None:
        raise NotFoundError("There is no such case.", code="no_such_case")
    if not case_id and not penalty:
        raise InvalidInputError("A case or a fine is referred.", code="nothing_to_refer")
    against = store.enterprises.enterprise(enterprise or (case.enterprise if case else ""))
    if enterprise and against is None:
        raise NotFoundError("There is no such enterprise.", code="no_such_enterprise")
    if category < 0 and case is not None:
        category = case.category
    if category < 0 and against is not None and against.category is not None:
        category = int(against.category)
    to = department_called(department) if department else department_of("commercial", category)
    if to is None:
        raise ConflictError("No department is known for this industry: name one.", code="no_department")
    facts = {"reference": penalty or case_id, "category": slug_of(category)}
    if case is not None:
        facts |= case_facts(store.clues.case_row(case_id))
    if against is not None:
        facts |= {"provider": against.name, "provider_registration": against.company.number if against.company else ""}
    kind: Kind = "fine" if penalty else "case"
    class_ = "unlawful" if to == POLICE else "commercial"
    made = clue_of(
        kind, kind, penalty or case_id, to.department, class_=class_, category=category,
        at=case.opened if case else now, caller=None, facts=facts, added=now, added_by=actor.name, reason=why,
    )
    if store.clues.has_subject(made):
        raise ConflictError("The department was told of this already.", code="clue_exists")
    store.clues.put([made])
    audit.append(store, clock, actor=actor.name, action="clue_referred", subject=f"{kind}:{penalty or case_id}",
                 detail={"department": to.department})  # fmt: skip
    return made


def clue_of(kind: Kind, source: str, source_id: str, department: str, **values: Any) -> Clue:
    """A clue under its name, which is the same whenever the same department is told of the same."""
    return Clue(name_of("clue", kind, source, source_id, department), kind, source, source_id, department, **values)


def department_called(department: str) -> Department:
    """A department. Raises NotFoundError no_such_department."""
    if department not in DEPARTMENTS:
        raise NotFoundError("There is no such department.", code="no_such_department")
    return DEPARTMENTS[department]


def slug_of(category: int) -> str:
    """The word of a category in files, "" for none."""
    return Category(category).slug if 0 <= category < len(Category) else ""


def case_facts(row: Mapping[str, Any]) -> dict[str, str]:
    """What a package says of a case (columns of case_file): its state, reports, numbers, and when it was about."""
    moments = {name: iso(from_micros(row[name])) if row[name] else "" for name in ("first", "last")}
    return {"found": row["state"], "reports": str(row["reports"]), "numbers": str(row["numbers"]), **moments}
