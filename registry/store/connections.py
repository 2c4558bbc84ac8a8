"""One connection per thread: opened at first use, closed when its thread ends, never shared with a forked child.

Rules of this room: a connection belongs to the thread that opened it; a thread that ends, `close()` and the end of the
program all close it; a forked child forgets what it inherited, because closing it there could disturb the parent.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

C = TypeVar("C")

_pools: weakref.WeakSet[Connections[object]] = weakref.WeakSet()
_inherited: list[object] = []  # a child keeps the parent's connections alive, so that nothing closes them


class Held(Generic[C]):
    """What one thread holds: its connection, and which transaction is open on it ("", "writing", "reading")."""

    def __init__(self, connection: C, close: Callable[[C], None]) -> None:
        self.connection = connection
        self.transaction = ""
        self.close = weakref.finalize(self, close, connection)


class Connections(Generic[C]):
    """The connections of all threads of this process to one database."""

    def __init__(self, connect: Callable[[], C], close: Callable[[C], None]) -> None:
        self._connect = connect
        self._close = close
        self.queue = threading.Lock()  # for an engine whose writers take turns
        self._start_empty()
        _pools.add(self)  # type: ignore[arg-type]

    def _start_empty(self) -> None:
        self._mine = threading.local()
        self._all: weakref.WeakSet[Held[C]] = weakref.WeakSet()
        self._lock = threading.Lock()

    def held(self) -> Held[C]:
        """What this thread holds; connects at first use."""
        found: Held[C] | None = getattr(self._mine, "held", None)
        if found is None:
            found = Held(self._connect(), self._close)
            self._mine.held = found
            with self._lock:
                self._all.add(found)
        return found

    def transaction(self) -> str:
        """Which transaction is open on this thread: "", "writing" or "reading"."""
        found: Held[C] | None = getattr(self._mine, "held", None)
        return found.transaction if found else ""

    def drop(self) -> None:
        """Close this thread's connection; the next use opens another."""
        found: Held[C] | None = getattr(self._mine, "held", None)
        if found is not None:
            self._mine.held = None
            found.close()

    def close(self) -> None:
        """Let go of the connections of all threads; a later use opens new ones.

        This thread's is closed now, that of an idle thread with its last reference, and one that another thread is in
        the middle of using only when that thread has done: closing it under its hands would crash the process.
        """
        self.drop()
        self._start_empty()

    def before_fork(self) -> None:
        """Close the forking thread's connection unless it is in use."""
        if not self.transaction():
            self.drop()

    def after_fork(self) -> None:
        """In the child: forget the parent's connections without closing them."""
        for held in list(self._all):
            if held.close.detach():
                _inherited.append(held.connection)
        self.queue = threading.Lock()
        self._start_empty()


def _before_fork() -> None:
    for pool in list(_pools):
        pool.before_fork()


def _after_fork() -> None:
    for pool in list(_pools):
        pool.after_fork()


os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
