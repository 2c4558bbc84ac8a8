"""Work on the items of a list by several threads, with results and one step of the work in the order of the items.

Rules of this room: a few items at a time are in flight, so memory does not grow with the list; an item that fails holds
nobody up.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import numpy as np

THREADS = 2
_LARGE = 31 << 20  # bytes; glibc learns from nothing larger than 32 MiB
T = TypeVar("T")
R = TypeVar("R")


class Turns:
    """Lets threads do a step in the order of their items."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._changed = threading.Condition()
        self._passed: set[int] = set()
        self._next = 0

    def in_order(self, items: Iterable[T], work: Callable[[T], R], *, threads: int = THREADS) -> Iterator[R]:
        """What `work` makes of each item, in their order."""
        _keep_memory()
        waiting: deque[Future[R]] = deque()
        with ThreadPoolExecutor(threads) as pool:
            try:
                for number, item in enumerate(items, self._next):
                    waiting.append(pool.submit(self._work, number, work, item))
                    if len(waiting) > threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    @contextmanager
    def own(self) -> Iterator[None]:
        """Waits until all items before this thread's had their turn, or are done; at once in a thread without one."""
        number = getattr(self._own, "number", None)
        with self._changed:
            self._changed.wait_for(lambda: number is None or self._next >= number)
        try:
            yield
        finally:
            self._pass(number)

    def _work(self, number: int, work: Callable[[T], R], item: T) -> R:
        self._own.number = number
        try:
            return work(item)
        finally:
            self._pass(number)

    def _pass(self, number: int | None) -> None:
        if number is None:
            return
        with self._changed:
            self._passed.add(number)
            while self._next in self._passed:
                self._passed.discard(self._next)
                self._next += 1
            self._passed = {later for later in self._passed if later > self._next}
            self._changed.notify_all()


@cache
def _keep_memory() -> None:
    """Makes glibc keep what arrays of a block leave behind for those of the next: it gives small pieces back to the
    system until it has seen a large one come and go, and then threads spend a fifth of their time on getting them anew.
    """
    np.empty(_LARGE, np.uint8)
