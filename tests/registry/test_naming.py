"""Ids: letters only, so that nobody takes one for a number, and all made in one room; ids of before stay valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import registry
import sync
import web
from registry import naming, organisations, parties
from registry.errors import NotFoundError
from registry.logs import without_numbers
from registry.store import Store
from registry.uscc import CompanyNumber
from tests.doubles import FakeClock

OLD = "8718940841487123"  # sixteen hexadecimal digits, as ids were once made; by chance all of them decimal
PREFIXES = ("", "dc_", "e_", "ep_", "g_", "msg_", "p_", "r_", "t_", "/officer/parties/loans/members/", "member:")


@given(count=st.integers(1, 60), letters=st.integers(1, 64), prefix=st.sampled_from(PREFIXES))
def test_no_id_holds_seven_digits_in_a_row_or_is_masked_in_a_log(count: int, letters: int, prefix: str) -> None:
    made = naming.new_ids(count, letters)
    assert len(made) == count
    for each in made:
        assert len(each) == letters
        assert set(each) <= set(naming.LETTERS)
        assert not re.search(r"\d{7}", prefix + each)
        assert without_numbers(prefix + each) == prefix + each


def test_ids_differ_and_use_every_letter_alike() -> None:
    made = naming.new_ids(20_000, 12)
    assert len(set(made)) == 20_000
    times = [sum(each.count(letter) for each in made) for letter in naming.LETTERS]
    mean = 240_000 / len(naming.LETTERS)  # 12,632, and one standard deviation is 109
    assert all(abs(each - mean) < 8 * 109 for each in times)


def test_ids_are_made_in_this_room_alone() -> None:
    for room in (registry, sync, web):
        for path in Path(str(room.__file__)).parent.rglob("*.py"):
            for line in path.read_text().splitlines():
                if "token_hex" in line or "uuid4" in line or "secrets.choice" in line:
                    assert "KEY_BYTES" in line, f"{path.name}: {line.strip()}"  # a key is no id


def test_an_api_key_with_an_id_of_before_works_on(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    parties.add_party(store, clock, party="cmcc", kind="carrier", name_zh="中国移动", name_en="China Mobile")
    monkeypatch.setattr(parties, "new_id", lambda: OLD)
    key, whole = parties.issue_key(store, clock, party="cmcc", scopes=["feed"], label="")
    assert key == OLD
    assert parties.key_actor(store, clock, whole).party == parties.get_party(store, "cmcc")


def test_a_principal_with_an_id_of_before_is_still_found(store: Store, clock: FakeClock) -> None:
    company = CompanyNumber("CN", "91350211M000100Y43")
    old = organisations.Principal(f"p_{OLD}", "loans", "北京一家有限公司", company, clock.now(), None)
    with store.writing(about="principals"):
        store.organisations.add_principal(old)
    assert organisations.principal_of(store, "loans", old.principal) == old
    with pytest.raises(NotFoundError):
        organisations.principal_of(store, "loans", f"p_{OLD[:-1]}/")
