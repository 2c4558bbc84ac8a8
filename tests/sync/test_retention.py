"""What has come to its end is erased by the clockwork's jobs, and nothing before."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from registry import limits, parties, reports
from registry.assembly import Registry
from registry.keys import KeyRing, SigningKeys
from registry.numbering import NumberPlan
from registry.outside import keyfile
from registry.readers.rows import Row
from registry.rulebook import Rulebooks
from registry.settings import Settings
from registry.store import Store
from sync.upkeep import purge, tidy
from tests.doubles import FakeClock, MemoryShelf, MemorySms
from tests.web.receipting import issued


@pytest.fixture
def registry(
    sqlite_store: Store, clock: FakeClock, keys: KeyRing, plan: NumberPlan, rulebooks: Rulebooks, tmp_path: Path,
    sms: MemorySms, shelf: MemoryShelf,
) -> Registry:  # fmt: skip
    return Registry(
        settings=Settings(), instance=tmp_path, clock=clock, store=sqlite_store, keys=keys,
        signing=SigningKeys.from_seeds(bytes(32), bytes(range(32))), shelf=shelf, sms=sms, plan=plan,
        rulebooks=rulebooks,
    )  # fmt: skip


def keep() -> None:
    """The lease is ours."""


def count(registry: Registry, table: str) -> int:
    return len(registry.store.engine.rows(f"SELECT * FROM {table}"))


def test_reports_and_quarantined_rows_are_erased_when_the_rulebook_says(registry: Registry, clock: FakeClock) -> None:
    good = {
        "id": "1", "called": "13800138000", "caller": "02066668888", "channel": "calls", "category": "loan",
        "at": "2026-11-23T09:00:00+08:00",
    }  # fmt: skip
    reports.take_in(
        registry.store, registry.keys, clock, registry.plan, registry.rulebooks, source="cmcc", kind="carrier",
        rows=[Row(1, b"1", good), Row(2, b"2", {})],
    )  # fmt: skip
    kept = registry.rulebooks.at(clock.now()).retention
    clock.advance(days=min(kept.reports, kept.quarantine) - 1)
    assert purge(registry, keep)["rows"] == 0
    clock.advance(days=max(kept.reports, kept.quarantine))
    assert purge(registry, keep)["rows"] == 2
    assert (count(registry, "report"), count(registry, "quarantine")) == (0, 0)


def test_allowances_that_are_whole_again_leave_the_database(registry: Registry, clock: FakeClock) -> None:
    limits.spend(registry.store, clock, name="x", subject=b"somebody", most=1, per_s=3600)
    tidy(registry, keep)
    assert count(registry, "allowance") == 1
    clock.advance(3601)
    assert not any(tidy(registry, keep).values()), "what nobody asked for is no work worth a line"
    assert count(registry, "allowance") == 0


def test_single_answers_behind_receipts_are_erased_when_their_time_is_over(
    registry: Registry, clock: FakeClock, shelf: MemoryShelf
) -> None:
    (registry.instance / "keys").mkdir(mode=0o700)
    keyfile.new_key(registry.instance / "keys" / keyfile.RECEIPT)
    parties.add_party(registry.store, clock, party="acme", kind="telemarketer", name_zh="某公司", name_en="Acme")
    receipt = issued(registry, "acme", kept_until=clock.now() + timedelta(days=184))
    clock.advance(days=183)
    purge(registry, keep)
    assert shelf.size(f"receipts/{receipt.receipt}")
    clock.advance(days=1)
    assert purge(registry, keep)["files"] == 1
    assert shelf.size(f"receipts/{receipt.receipt}") is None
    assert count(registry, "receipt") == 1
