"""Threads that work on the items of a list take turns in one step, and give their results in order."""

from __future__ import annotations

import random
import time

import pytest

from registry.calllists.turns import Turns


def test_one_step_is_taken_in_the_order_of_the_items() -> None:
    turns, order, dice = Turns(), list[int](), random.Random(1)

    def work(item: int) -> int:
        time.sleep(dice.random() / 500)
        with turns.own():
            order.append(item)
        return item * 2

    assert list(turns.in_order(range(40), work, threads=4)) == [item * 2 for item in range(40)]
    assert order == list(range(40))


def test_an_item_that_fails_or_takes_no_turn_holds_nobody_up() -> None:
    turns, order = Turns(), list[int]()

    def work(item: int) -> int:
        if item % 3 == 0:
            return item
        if item == 20:
            raise ValueError
        with turns.own():
            order.append(item)
        return item

    results = turns.in_order(range(30), work, threads=3)
    assert [next(results) for _ in range(20)] == list(range(20))
    with pytest.raises(ValueError):
        next(results)
    assert order == sorted(order)


def test_whoever_stops_early_waits_for_nobody_for_ever() -> None:
    turns = Turns()

    def work(item: int) -> int:
        with turns.own():
            return item

    results = turns.in_order(iter(range(10_000)), work)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    with turns.own():  # in a thread that works on no item
        pass
