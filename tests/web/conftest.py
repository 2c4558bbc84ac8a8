"""A whole registry on a SQLite file, its application and a client; a carrier with a key."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from registry import logs, parties
from registry.assembly import Registry
from registry.keys import KeyRing
from registry.settings import Settings, parse
from registry.store import Store
from tests.doubles import FakeClock, MemoryShelf, MemorySms
from tests.web.filled import Viewers
from tests.web.refilled import Filled, whole
from web.application import create_app

if TYPE_CHECKING:
    from registry.numbering import NumberPlan
    from registry.rulebook import Rulebooks

Carrier = Callable[..., dict[str, str]]
SETTINGS = "[site]\nbcrypt_cost = 4\ndefault_language = 'en'\n"


@pytest.fixture
def settings() -> Settings:
    """Settings with a cheap password hash; the rest are defaults."""
    return parse(SETTINGS)


@pytest.fixture
def registry(
    sqlite_store: Store, keys: KeyRing, clock: FakeClock, sms: MemorySms, shelf: MemoryShelf, plan: NumberPlan,
    rulebooks: Rulebooks, settings: Settings, tmp_path: Path,
) -> Registry:
    return whole(tmp_path, sqlite_store, settings, plan, rulebooks, keys=keys, clock=clock, sms=sms, shelf=shelf)


@pytest.fixture(scope="session")
def filled(
    tmp_path_factory: pytest.TempPathFactory, migrated_file: Path, plan: NumberPlan, rulebooks: Rulebooks
) -> Filled:
    settings, keys = parse(SETTINGS), KeyRing(masters={1: bytes(range(32))})
    return Filled(tmp_path_factory.mktemp("filled"), migrated_file, settings, plan, rulebooks, keys)


@pytest.fixture
def viewers(registry: Registry, filled: Filled) -> Viewers:
    """Something has happened in the registry (`filled.py`); who may look at it."""
    return filled.viewers_of(registry)


class Compiled(BytecodeCache):
    """Templates, compiled once for all applications of this process: that takes longer than showing all pages."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


@pytest.fixture
def app(registry: Registry) -> Flask:
    made = create_app(registry)
    made.jinja_env.bytecode_cache = COMPILED
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def carrier(registry: Registry) -> Carrier:
    """Makes a carrier with a key; the headers that present it."""

    made: set[str] = set()

    def make(party: str = "cmcc", *scopes: str, kind: str = "carrier") -> dict[str, str]:
        if party not in made:
            parties.add_party(
                registry.store, registry.clock, party=party, kind=kind, name_zh="运营商", name_en=party, scope="home"
            )
            made.add(party)
        _id, secret = parties.issue_key(
            registry.store, registry.clock, party=party, scopes=scopes or ("feed", "reports"), label="test"
        )
        return {"Authorization": f"Bearer {secret}"}

    return make


@pytest.fixture
def code_of(sms: MemorySms) -> Callable[[], str]:
    """The code in the newest text message."""

    def read() -> str:
        return next(word for word in _words(sms.sent[-1][1]) if len(word) == 6)

    return read


def _words(text: str) -> list[str]:
    return "".join(c if c in "0123456789" else " " for c in text).split()


@pytest.fixture
def problem() -> Callable[[Any, int], dict[str, Any]]:
    """Checks that an answer is an RFC 9457 problem of a status; its members."""

    def check(answer: Any, status: int) -> dict[str, Any]:
        assert answer.status_code == status, answer.get_data(as_text=True)
        assert answer.mimetype == "application/problem+json"
        body: dict[str, Any] = answer.get_json()
        assert body["status"] == status
        assert body["type"] == f"/problems/{body['code']}"
        assert body["title"]
        assert body["detail"]
        return body

    return check


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What this process logs, as JSON."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    logs.configure("json", stream=stream)
    yield stream
    root.handlers[:], root.level = before, level
