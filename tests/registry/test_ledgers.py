"""Ledgers of number resources: the whole list of a carrier; what it no longer names ends, the good part goes on."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry import audit, credit, enterprises, ledgers, parties, resources
from registry.access import SYSTEM
from registry.errors import ConflictError, InvalidInputError
from registry.keys import KeyRing
from registry.ledger_rows import FIELDS
from registry.ledgers import Ledger, LineResult
from registry.numbers import parse_caller
from registry.readers import read
from registry.resources import Chain
from registry.store import Store
from tests.doubles import FakeClock

HEAD = "kind,prefix,number,provider,provider_company,content,purpose,licence,signature,from,until"
PORT = "port,10690001,,甲公司,91110000600037341L,,notices,,,2026-01-01,"
CODE = "code,95501,,乙公司,,丙商场,marketing,B2-1,丙商场,2026-01-01,"


class Office:
    """A store with two carriers, and short ways to take ledgers in and ask."""

    def __init__(self, store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> None:
        self.store, self.keys, self.clock, self.plan = store, keys, clock, plan
        self.day = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        for party in ("cmcc", "cucc"):
            parties.add_party(store, clock, party=party, kind="carrier", name_zh=party, name_en=party, scope="home")

    def take(
        self, *rows: str, carrier: str = "cmcc", days: int = 0, raw: bytes | None = None, form: Any = "csv",
        sure: bool = False,
    ) -> tuple[Ledger, tuple[LineResult, ...]]:
        text = raw if raw is not None else "\n".join([HEAD, *rows, ""]).encode()
        return ledgers.take_in(
            self.store, self.keys, self.clock, self.plan, actor="key:k", carrier=carrier,
            day=self.day + timedelta(days=days), rows=read(io.BytesIO(text), format=form, columns=FIELDS), sure=sure,
        )

    def chain(self, digits: str, days: float = 0.5) -> Chain:
        at = self.day + timedelta(days=days)
        return resources.chain_at(self.store, self.keys, self.plan, parse_caller(digits, self.plan), at)

    def name(self, enterprise: str) -> str:
        found = self.store.enterprises.enterprise(enterprise)
        return found.name if found else ""


@pytest.fixture
def office(store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> Office:
    return Office(store, keys, clock, plan)


def test_a_ledger_says_who_answers_and_the_same_list_again_changes_nothing(office: Office) -> None:
    plain = "plain,,13800138000,甲公司,,,support,,,2026-02-01,"
    done, _ = office.take(PORT, CODE, plain)
    assert (done.rows, done.added, done.refused, done.held, done.ended) == (3, 3, 0, 0, 0)
    chain = office.chain("1069000123")
    assert (chain.carrier, office.name(chain.provider), chain.purpose) == ("cmcc", "甲公司", "notices")
    assert office.name(office.chain("95501").content) == "丙商场"
    assert office.name(office.chain("13800138000").provider) == "甲公司"
    again, _ = office.take(PORT, CODE, plain)
    assert (again.added, again.changed, again.unchanged, again.ended) == (0, 0, 3, 0)
    assert audit.verify(office.store)


def test_what_the_next_list_no_longer_names_ends_on_its_day_and_stays_known_before(office: Office) -> None:
    office.take(PORT, CODE)
    done, _ = office.take(PORT, days=10)
    assert (done.unchanged, done.ended) == (1, 1)
    assert office.name(office.chain("95501", 9).provider) == "乙公司"
    assert office.chain("95501", 10).provider == ""
    back, _ = office.take(PORT, CODE, days=20)
    assert (back.added, office.chain("95501", 15).provider) == (1, "")
    assert office.name(office.chain("95501", 20).provider) == "乙公司"


def test_a_change_begins_on_the_ledgers_day_and_never_rewrites_the_past(office: Office) -> None:
    office.take(CODE)
    other = CODE.replace("乙公司", "丁公司").replace("marketing", "notices")
    done, _ = office.take(other, days=5)
    assert (done.changed, done.ended) == (1, 0)
    assert [office.name(office.chain("95501", day).provider) for day in (4, 5)] == ["乙公司", "丁公司"]
    assert office.take(other, days=5)[0].unchanged == 1
    held = office.store.enterprises.under(["95501"])
    assert len(resources.purpose_changes(held)) == 1
    corrected, _ = office.take(other.replace("丁公司", "戊公司"), days=5)
    assert (corrected.changed, office.name(office.chain("95501", 5).provider)) == (1, "戊公司")
    assert office.take(other.replace("丁公司", "戊公司"), days=5)[0].unchanged == 1


def test_the_good_part_goes_on_and_what_a_refused_row_is_about_does_not_end(office: Office) -> None:
    office.take(PORT, CODE)
    wrong = [
        ("port,10690001,,甲公司,911100006000373419,,,,,,", "credit_code_check"),
        ("code,95501,,,,,,,,2026-05-01,2026-04-01", "bad_period"),
        ("port,955,,甲公司,,,,,,,", "wrong_kind"),
        ("radio,1069,,甲公司,,,,,,,", "unknown_kind"),
        ("plain,,12,甲公司,,,,,,,", "number_too_short"),
        ("plain,,,甲公司,,,,,,,", "missing_number"),
        ("code,95502,,,91110000600037341L,,,,,,", "missing_provider"),
        ("code,95503,,甲公司,,,,,,yesterday,", "bad_time"),
    ]
    good = "code,95504,,甲公司,,,,,,,"
    done, results = office.take(*(row for row, _ in wrong), good, good, days=3)
    assert [each.reason for each in results] == [*(reason for _, reason in wrong), "", "twice"]
    assert (done.added, done.ended, done.refused) == (1, 0, len(wrong) + 1)
    assert office.name(office.chain("1069000123", 3.5).provider) == "甲公司"
    assert all("9" not in each.detail for each in results)


def test_nothing_ends_where_a_row_cannot_be_told_or_the_file_is_cut(office: Office) -> None:
    office.take(PORT, CODE)
    done, _ = office.take(PORT, "plain,,,甲公司,,,,,,,", days=3)
    assert (done.ended, done.withheld) == (0, 1)
    assert office.name(office.chain("95501", 3.5).provider) == "乙公司"
    with pytest.raises(InvalidInputError) as raised:
        office.take(days=4)
    assert raised.value.code == "empty_ledger"


def test_what_another_carrier_holds_or_serves_is_held_and_theirs_stays(office: Office) -> None:
    office.take(PORT, CODE)
    done, results = office.take(
        CODE.replace("乙公司", "己公司"), "plain,,13800138000,己公司,,,,,,,", "port,10690002,,己公司,,,,,,,",
        carrier="cucc",
    )
    assert [(each.result, each.reason) for each in results] == [
        ("held", "overlap"), ("held", "served_by_other"), ("added", ""),
    ]  # fmt: skip
    assert (done.held, done.reasons) == (2, {"overlap": 1, "served_by_other": 1})
    assert office.chain("95501").carrier == "cmcc"
    office.take(PORT, days=5)
    assert office.take(CODE.replace("2026-01-01", ""), carrier="cucc", days=6)[0].added == 1


def test_a_ledger_that_is_older_than_the_newest_or_lies_far_ahead_is_refused(office: Office) -> None:
    office.take(PORT, days=5)
    for days, error, code in [(4, ConflictError, "older_ledger"), (60, InvalidInputError, "bad_day")]:
        with pytest.raises(error) as raised:
            office.take(PORT, days=days)
        assert raised.value.code == code
    assert office.store.ledgers.newest_day("cucc") is None
    assert [row["counted"] for row in office.store.ledgers.all(limit=9)] == [1]


def test_a_list_in_another_encoding_says_the_same(office: Office) -> None:
    assert office.day < datetime(2100, 1, 1, tzinfo=UTC)
    office.take(PORT, CODE)
    assert office.take(raw="\n".join([HEAD, PORT, CODE, ""]).encode("gb18030"))[0].unchanged == 2


def test_a_packed_list_that_is_cut_at_half_ends_nothing_and_what_it_holds_counts(office: Office) -> None:
    rows = [f"port,1069{place:04},,甲公司,,,,,,," for place in range(60)]
    office.take(*rows)
    packed = gzip.compress("\n".join([HEAD, *rows[30:], *rows[:30], ""]).encode(), compresslevel=0)
    done, _ = office.take(raw=packed[: len(packed) // 2], days=3)
    assert (done.cut, done.ended, done.unchanged > 20, done.withheld > 20) == ("gzip_cut", 0, True, True)
    assert office.name(office.chain("10690029", 3.5).provider) == "甲公司"


def test_a_list_in_which_more_than_half_is_missing_ends_nothing_until_somebody_is_sure(office: Office) -> None:
    rows = [f"port,1069{place:04},,甲公司,,,,,,," for place in range(50)]
    office.take(*rows)
    done, _ = office.take(*rows[:20], days=3)
    assert (done.ended, done.withheld, done.cut) == (0, 30, ledgers.HALF_MISSING)
    done, _ = office.take(*rows[:20], days=3, sure=True)
    assert (done.ended, done.withheld, done.cut) == (30, 0, "")
    assert office.take(*rows[:12], days=4)[0].ended == 8  # less than half


def test_numbers_as_floats_and_of_other_countries_are_refused_and_nothing_is_guessed(office: Office) -> None:
    office.take(PORT, "plain,,13800138000,甲公司,,,,,,,")
    raw = (
        b'{"kind": "port", "prefix": 10690001.0, "provider": "\xe7\x94\xb2\xe5\x85\xac\xe5\x8f\xb8"}\n'
        b'{"kind": "plain", "number": 1.38e10}\n{"kind": "plain", "number": "+85291234567"}\n'
        b'{"kind": "port", "prefix": 10690009}\n'
    )
    done, results = office.take(raw=raw, form="ndjson", days=2)
    assert [each.reason for each in results] == ["prefix_wrong_type", "number_wrong_type", "foreign_number", ""]
    assert (done.added, done.ended, done.withheld) == (1, 0, 2)
    _, results = office.take("plain,,1.38001E+10,甲公司,,,,,,,", "port,1.069E+07,,甲公司,,,,,,,", PORT, days=3)
    assert [each.reason for each in results] == ["number_rounded", "bad_prefix", ""]


def test_rows_that_were_not_taken_are_kept_sealed_bounded_and_for_some_lists_only(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers, "KEPT_ROWS", 3)
    monkeypatch.setattr(ledgers, "KEPT_LEDGERS", 2)
    office.take(CODE)
    wrong = [CODE, "plain,,13800138000,己公司,,,,,,,", "port,955,,己公司,,,,,,,", "port,956,,己公司,,,,,,,"]
    made = []
    for days in range(3):
        made.append(office.take(*wrong, PORT, carrier="cucc", days=days)[0].ledger)
        office.clock.advance(seconds=1)
    kept = office.store.ledgers.rows(made[-1], limit=9)
    assert [(row.line, row.result, row.reason, row.prefix) for row in kept] == [
        (2, "held", "overlap", "95501"), (3, "held", "served_by_other", ""), (4, "refused", "wrong_kind", "955"),
    ]  # fmt: skip
    assert kept[1].number
    assert b"138" not in kept[1].number
    assert office.store.ledgers.reasons(made[-1]) == {"overlap": 1, "served_by_other": 1, "wrong_kind": 1}
    assert [bool(office.store.ledgers.rows(each, limit=9)) for each in made] == [False, True, True]


def test_a_restricted_enterprise_gets_nothing_new_and_keeps_what_it_has(office: Office) -> None:
    office.take(PORT)
    barred = enterprises.enrol(office.store, office.clock, name="甲公司").enterprise
    credit.enter(office.store, office.clock, actor=SYSTEM, enterprise=barred, kind="bad_operation", text="屡次违规",
                 public=True)  # fmt: skip
    new, as_content = "port,10690002,,甲公司,,,,,,,", "port,10690003,,乙公司,,甲公司,,,,,"
    _, results = office.take(PORT, new, as_content, days=1)
    assert [(each.result, each.reason) for each in results] == [
        ("unchanged", ""), ("held", "restricted"), ("held", "restricted"),
    ]  # fmt: skip
    longer = PORT.replace("2026-01-01,", "2026-01-01,2027-01-01")
    assert office.take(longer, days=2)[0].changed == 1  # what stands may change
    back = "port,10690002,,甲公司,,,,,,2026-01-01,"  # the list before could have named it, so it is as new as this one
    assert office.take(longer, back, days=3)[1][1].reason == "restricted"
    assert office.take("code,95502,,甲公司,,,,,,2026-01-01,", carrier="cucc")[0].added == 1  # given long before
    credit.end(office.store, office.clock, actor=SYSTEM, entry=office.store.credit.of_enterprise(barred)[0].entry)
    assert office.take(longer, new, days=4)[0].added == 1


def test_sublets_and_changes_of_purpose_are_found_as_lists_come_and_go(office: Office) -> None:
    sublet = "port,1069000123,,乙公司,,,marketing,,,2026-03-01,"
    refused = "port,1069000124,,乙公司,,,,,,2026-05-01,2026-04-01"
    done, results = office.take(PORT, sublet, refused)
    assert (done.added, results[-1].reason) == (2, "bad_period")
    found = office.store.ledgers.findings("sublet", limit=9)
    held = office.store.enterprises.resources(each for pair in found for each in pair)
    assert [tuple(held[each].prefix for each in pair) for pair in found] == [("1069000123", "10690001")]
    assert office.chain("1069000123").sublet
    office.take(PORT, sublet.replace("marketing", "notices"), days=5)
    (changed,) = office.store.ledgers.findings("purpose", carrier="cmcc", limit=9)
    held = office.store.enterprises.resources(changed)
    assert [held[each].purpose for each in changed] == ["notices", "marketing"]
    assert office.store.ledgers.findings("purpose", carrier="cucc", limit=9) == []
    office.take(PORT.replace("甲公司,91110000600037341L", "乙公司,"), sublet, days=5)  # corrected: nothing is sublet
    assert len(office.store.ledgers.findings("sublet", limit=9)) == 1  # until that day it was
