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

from registry import logs, parties
from registry.assembly import Registry
from registry.keys import KeyRing, SigningKeys
from registry.outside import keyfile
from registry.settings import Settings, parse
from registry.store import Store
from tests.doubles import FakeClock, MemoryShelf, MemorySms
from web.application import create_app

if TYPE_CHECKING:
    from registry.numbering import NumberPlan
    from registry.rulebook import Rulebooks

Carrier = Callable[..., dict[str, str]]


@pytest.fixture
def settings() -> Settings:
    """Settings with a cheap password hash; the rest are defaults."""
    return parse("[site]\nbcrypt_cost = 4\ndefault_language = 'en'\n")


@pytest.fixture
def registry(
    sqlite_store: Store, keys: KeyRing, clock: FakeClock, sms: MemorySms, shelf: MemoryShelf, plan: NumberPlan,
    rulebooks: Rulebooks, settings: Settings, tmp_path: Path,
) -> Registry:
    (tmp_path / "keys").mkdir(mode=0o700, exist_ok=True)
    keyfile.new_key(tmp_path / "keys" / keyfile.RECEIPT)
    return Registry(
        settings=settings, instance=tmp_path, clock=clock, store=sqlite_store, keys=keys,
        signing=SigningKeys.from_seeds(bytes(32), bytes(range(32))), shelf=shelf, sms=sms, plan=plan,
        rulebooks=rulebooks,
    )


@pytest.fixture
def app(registry: Registry) -> Flask:
    return create_app(registry)


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
