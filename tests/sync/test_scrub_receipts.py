"""From a call list to a verdict: what the job answered stands in its receipt, in the result, and in what is judged."""

from __future__ import annotations

import base64
import csv
import io
import random
from typing import Any

import pytest

from registry import receiptchecks, receipts
from registry.calllists.rereading import reread
from registry.numbers import Number, parse_one
from registry.rebuilding import rebuild
from registry.receiptforms import Receipt
from registry.reports import RowResult, take_one
from sync.scrubbing import scrub_due
from tests.sync.calling import result_of, seen, send
from tests.sync.town import Town


def messy(town: Town, seed: int) -> bytes:
    """A list with numbers written in every way, several times, and with what is none; gaps in quotes and columns."""
    chance = random.Random(seed)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=chance.choice(",;\t"), quoting=chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer.writerow(["name", "phone", "note"])
    for _ in range(120):
        digits = str(town.digits[chance.randrange(40)])
        form = chance.choice(["+{0}", "{0}", "00{0}", "+86 {1}", "+86-{1}", "abc", "", "+{0}.0", "12"])
        note = chance.choice(["", "line\nbreak", 'a "word"', "李雷", "allowed", "declined,x"])
        writer.writerow([note, form.format(digits, digits[2:]), note])
    return out.getvalue().encode(chance.choice(["utf-8", "utf-8-sig", "utf-16", "gb18030"]))


@pytest.mark.parametrize("seed", range(6))
def test_result_and_receipt_of_any_list_stand_for_the_same_answers(small_town: Town, seed: int) -> None:
    town = small_town
    for place in range(0, 40, 3):
        town.decline(place)
    town.clock.advance(hours=1)
    job = send(town, messy(town, seed))
    assert scrub_due(town)["scrubs"] == 1
    receipt = receipt_of(town, seen(town, job).receipt)
    result = result_of(town, job)
    said = [row for some in reread(io.BytesIO(result), "list.csv", town.plan, country="CN") for row in some]
    payload, key = receipts.payload_of(receipt), receipts.salt_key(town.keys, receipt.receipt)
    tree = rebuild(payload, key, [said], town.plan, country="CN")
    assert len(said) == payload.counts["allowed"] + payload.counts["declined"]
    for number, verdict, reason, until in said:
        wanted = parse_one(number, town.plan)
        offline = tree.prove(wanted)
        raw = receipts.prove(town.shelf, town.keys, receipt=receipt, number=wanted)
        answer = receiptchecks.check(raw, town.receipt_keys.public, now=town.clock.now()).answer
        assert answer is not None
        assert (answer.number, answer.verdict, answer.reason) == (wanted, verdict, reason)
        assert answer.until.timestamp() == until
        assert offline.entry.encode() in raw


def test_a_call_is_judged_by_what_its_caller_was_answered(small_town: Town) -> None:
    town = small_town
    town.decline(1)
    town.clock.advance(hours=1)
    job = send(town, "\n".join(["phone", *(f"+{town.digits[place]}" for place in (0, 1))]).encode())
    scrub_due(town)
    receipt = receipt_of(town, seen(town, job).receipt)
    assert base64.b64encode(receipts.salt_key(town.keys, receipt.receipt)).decode() in receipts.file_of(
        town.keys, receipt
    ).decode()
    town.clock.advance(hours=1)
    town.decline(0)
    town.decline(2)
    town.clock.advance(hours=1)
    assert [judged(town, place)[1] for place in (0, 1, 2)] == [
        "receipt_allowed", "receipt_declined", "everything_declined",
    ]  # fmt: skip
    assert judged(town, 0, party="globex")[1] == "everything_declined"
    town.clock.advance(days=7)
    assert judged(town, 0) == ("violation", "everything_declined")


def receipt_of(town: Town, receipt: str) -> Receipt:
    return receipts.receipt_of(town.store, party="acme", receipt=receipt)


def judged(town: Town, place: int, party: str = "acme") -> tuple[str, str]:
    """The verdict on a call of just now, and why."""
    fields: dict[str, Any] = {
        "id": f"{place}{party}{town.clock.now():%H%d}", "called": Number(1, town.digits[place]).e164,
        "caller": "02066668888", "channel": "calls", "category": "loan", "telemarketer": party,
        "at": town.clock.now().isoformat(),
    }  # fmt: skip
    found: RowResult = take_one(
        town.store, town.keys, town.clock, town.plan, town.rulebooks, source="cmcc", kind="carrier", fields=fields,
        shelf=town.shelf,
    )
    return found.verdict, found.reason
