"""A small table of every type, for the tests of the engines."""

from __future__ import annotations

from registry.store import Store

A, B, C = b"\x01" * 16, b"\x00\xff" * 8, bytes(range(16))


def put(store: Store, thing: bytes, count: int = 0, share: float | None = None, word: str | None = None) -> None:
    store.engine.run(
        "INSERT INTO thing (thing, count, share, word) VALUES (:thing, :count, :share, :word)",
        thing=thing, count=count, share=share, word=word,
    )


def things(store: Store) -> list[bytes]:
    return [row["thing"] for row in store.engine.rows("SELECT thing FROM thing ORDER BY thing")]
