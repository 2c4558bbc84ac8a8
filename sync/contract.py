"""The tiny HTTP contract between a carrier's own implementation and conformance runs: `POST URL/lookup`, JSON.

Rules of this room: one question, or `{"questions": […]}` answered by `{"answers": […]}` in the same order; an answer
names the edition that it stands on; `reason` and `rule` are ours and may be left out, `allow` and `edition` may not.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

PATH = "/lookup"
TYPE = "application/json"
MOST_BYTES = 1_000_000  # of a body, either way
MOST_QUESTIONS = 10_000


class Question(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """May this contact happen? `party` is the telemarketer's id, "" where nobody knows it."""

    number: str
    at: datetime
    channel: str = "calls"
    category: str = "other"
    content: str = "commercial"
    party: str = ""


class Questions(Struct, frozen=True, forbid_unknown_fields=True):
    """Many questions at once."""

    questions: list[Question]


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an implementation says; fields that we do not know are its own affair."""

    allow: bool
    edition: int = 0
    reason: str = ""
    rule: str = ""


class Answers(Struct, frozen=True):
    """Answers to many questions, in their order."""

    answers: list[Answer]
