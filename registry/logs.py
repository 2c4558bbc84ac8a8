"""Structured logs of every program, from which phone numbers are kept out whatever somebody hands over.

Rules of this room: one line per event, as JSON or for a terminal; whatever looks like a number becomes `[number]` in
every value, key and traceback before it is written (DESIGN §9), also in lines of other libraries; masking too much is
right here, masking too little never is.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import IO, Any, Literal

import structlog

MARK = "[number]"
_LONGEST = 4000  # characters of one value: a line of a log is no place for a body

# A date or moment is the one run of digits that is told apart; all other runs of 7 digits or more, with the separators
# that people write between them, count as a number.
_MOMENT = r"(?<![\d])\d{4}-[01]\d-[0-3]\d(?:[T ][0-2]\d:[0-5]\d(?::[0-6]\d(?:\.\d{1,6})?)?)?(?![\d-])"
_DIGITS = r"\+?\(?\d(?:[ \t().\-–—/ ]{0,3}\d){6,}"
_SEEN = re.compile(f"(?P<moment>{_MOMENT})|(?P<digits>{_DIGITS})")
_NUMBER_FROM, _NUMBER_TO = 10**9, 10**15  # plain integers as wide as a phone number with or without its country
_COUNTS = ("bytes", "_us", "_ns")  # integers under such keys are sizes and durations


def without_numbers(text: str) -> str:
    """The text with everything that looks like a phone number replaced by `[number]`; dates and moments stay."""
    return _SEEN.sub(lambda found: found.group() if found.group("moment") else MARK, text)


def _clean(value: Any, key: str = "") -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, float):
        return value
    if isinstance(value, int):
        return MARK if _NUMBER_FROM <= abs(value) < _NUMBER_TO and not key.endswith(_COUNTS) else value
    if isinstance(value, str):
        return without_numbers(value[:_LONGEST])
    if isinstance(value, Mapping):
        return {without_numbers(str(name)): _clean(item, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item, key) for item in value]
    return without_numbers(str(value)[:_LONGEST])


def keep_numbers_out(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor that leaves no value or key in which a phone number could stand."""
    own = {name: event[name] for name in ("_record", "_from_structlog") if name in event}
    return {**_clean({name: value for name, value in event.items() if name not in own}), **own}


def configure(
    style: Literal["json", "console"] = "console", *, stream: IO[str] | None = None, level: int = logging.INFO
) -> None:
    """Send the logs of this process, structlog's and the standard library's, to `stream` (default: standard error)."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
        keep_numbers_out,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    out = stream or sys.stderr
    last: Any
    if style == "json":
        last = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    else:
        last = structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last], foreign_pre_chain=shared
        )
    )
    root = logging.getLogger()
    for old in [h for h in root.handlers if getattr(h, "of_the_registry", False)]:
        root.removeHandler(old)
    handler.of_the_registry = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    root.setLevel(level)
    for name in ("urllib3", "tuf", "securesystemslib", "apscheduler"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def log(name: str) -> Any:
    """The logger of a room."""
    return structlog.stdlib.get_logger(name)
