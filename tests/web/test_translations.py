"""Every text of the site is there in Chinese, keeps its placeholders, and the compiled catalogue is fresh."""

from __future__ import annotations

import re
from typing import Any

from registry.decisions import STEPS
from registry.report_rows import UNREADABLE
from web import translations
from web.reasons import REASONS
from web.refusals import WHOLE

PLACE = re.compile(r"%\((\w+)\)[sd]")


def texts(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value or "",)


def test_every_text_of_the_site_is_translated() -> None:
    known = {message.id if isinstance(message.id, str) else tuple(message.id): message
             for message in translations.translated() if message.id}
    missing = []
    for wanted in translations.collected():
        if wanted.id:
            found = known.get(wanted.id if isinstance(wanted.id, str) else tuple(wanted.id))
            if found is None or found.fuzzy or not all(texts(found.string)):
                missing.append(wanted.id)
    assert not missing, "run `python -m web.translations`, then translate these in messages.po"


def test_nothing_is_translated_that_nobody_says_any_more() -> None:
    said = {texts(message.id) for message in translations.collected()}
    assert [message.id for message in translations.translated() if message.id and texts(message.id) not in said] == []


def test_translations_keep_the_placeholders() -> None:
    wrong = [
        message.id
        for message in translations.translated()
        if message.id and set(PLACE.findall(texts(message.id)[-1])) != set(PLACE.findall(texts(message.string)[0]))
    ]
    assert not wrong


def test_chinese_sentences_have_full_width_punctuation() -> None:
    half = re.compile(r"[\u4e00-\u9fff][,;:!?.]|[,;!?][\u4e00-\u9fff]")
    said = [string for message in translations.translated() if message.id for string in texts(message.string)]
    assert [string for string in said if half.search(string)] == []


def test_the_compiled_catalogue_is_fresh() -> None:
    fresh = translations.compiled(translations.translated())
    assert translations.MO.read_bytes() == fresh, "run `python -m web.translations`"


def test_every_reason_of_a_decision_has_its_sentence() -> None:
    assert {step.reason for step in STEPS} <= REASONS.keys()


def test_every_reason_for_not_reading_a_line_has_its_sentence() -> None:
    assert UNREADABLE.keys() <= WHOLE.keys()
