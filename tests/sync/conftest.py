"""Fixtures of publishing and following: towns (small registries) and one carrier that follows over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.keys import KeyRing
from registry.numbering import NumberPlan
from registry.store import Store
from sync.publish import publish_once
from tests.doubles import FakeClock
from tests.sync import serving
from tests.sync.town import Town, build


@pytest.fixture
def small_town(sqlite_store: Store, clock: FakeClock, keys: KeyRing, plan: NumberPlan, tmp_path: Path) -> Town:
    """One home and one national feed, for tests that publish many times."""
    return build(sqlite_store, clock, keys, plan, tmp_path / "instance", parties=("cmcc", "all"))


@pytest.fixture
def town(sqlite_store: Store, clock: FakeClock, keys: KeyRing, plan: NumberPlan, tmp_path: Path) -> Town:
    return build(sqlite_store, clock, keys, plan, tmp_path / "instance")


@pytest.fixture
def any_town(store: Store, clock: FakeClock, keys: KeyRing, plan: NumberPlan, tmp_path: Path) -> Town:
    """A town on each of the two engines."""
    return build(store, clock, keys, plan, tmp_path / "instance")


@pytest.fixture
def world(small_town: Town, tmp_path: Path) -> Iterator[serving.World]:
    small_town.load(serving.PLACES)
    publish_once(small_town)
    with serving.serving(small_town) as (url, handler):
        yield serving.World(small_town, tmp_path / "state", url, handler)
