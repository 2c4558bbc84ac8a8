"""Migration 3 over data: what was offered and acknowledged before there were epochs is of the first one."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.store import Store
from registry.store.engine import Engine, SqliteEngine
from registry.store.epochs import EpochRow
from registry.store.postgres import PostgresEngine
from registry.store.schema import migrate

ROOT = b"\x11" * 32


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_was_offered_and_acknowledged_before_is_of_the_first_epoch(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    engine: Engine = (
        SqliteEngine(tmp_path / "old.db") if kind == "sqlite"
        else PostgresEngine(request.getfixturevalue("postgres_url"))
    )
    migrate(engine, at=0, upto=2)
    with engine.writing("x"):
        for edition in (1, 2):
            engine.run(
                """INSERT INTO feed_edition (recipient, edition, kind, rows, bytes, entries, content_root,
                                             exceptions_root, published)
                   VALUES ('cmcc', :edition, 'delta', 3, 900, 40, :root, :root, 77)""",
                edition=edition, root=ROOT,
            )
            engine.run(
                """INSERT INTO acknowledgement (recipient, edition, content_root, exceptions_root, at, agrees)
                   VALUES ('cmcc', :edition, :root, :root, 88, 1)""",
                edition=edition, root=ROOT,
            )
        engine.run("INSERT INTO carrier_key (party, public_key, at) VALUES ('cmcc', :root, 5)", root=ROOT)
    migrate(engine, at=0)
    store = Store(engine)
    assert store.epochs.all() == (EpochRow(1, 0, None, None),)
    offered = store.feeds.edition(recipient="cmcc", edition=2)
    assert offered is not None
    assert (offered.epoch, offered.rows, offered.size, offered.entries, offered.content_root) == (1, 3, 900, 40, ROOT)
    said = store.feeds.acknowledged()["cmcc"]
    assert (said.edition, said.epoch, said.at, said.agrees) == (2, 1, 88, True)
    assert len(engine.rows("SELECT * FROM feed_edition")) == len(engine.rows("SELECT * FROM acknowledgement")) == 2
    assert store.feeds.keys_known() == {"cmcc": (5, 5)}
    with store.writing():
        store.feeds.acknowledge(
            recipient="cmcc", edition=2, epoch=2, content_root=ROOT, exceptions_root=ROOT, at=99, agrees=True
        )
    assert store.feeds.acknowledged()["cmcc"].epoch == 2
    store.close()
