"""Sandbox feeds: real feeds of magic numbers, through the real publisher, and never a real number in one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from registry import editions, followers, parties, tags
from registry.decisions import Decision
from registry.preferences import Preference
from registry.rulebook import load_rulebooks
from registry.sandbox import Answer, Case, load
from sync import sandbox
from sync.lookup import Lookup
from sync.mirror import Mirror
from sync.publish import publish_once
from sync.state import ListKeys, StateFolder, Status
from tests.sync.town import Carrier, Town, index_of

KEY = bytes(range(32))
ALGORITHM = "aes-cmac-64"


@pytest.fixture
def trial_town(small_town: Town) -> Town:
    small_town.load(20)
    parties.add_party(
        small_town.store, small_town.clock, party="trial", kind="carrier", name_zh="试", name_en="Trial", sandbox=True,
        scope="national",
    )
    return small_town


def answer(town: Town, folder: StateFolder, mirror: Mirror, case: Case, asked: Answer) -> Decision:
    key = town.keys.list_key("trial").hex()
    folder.write("list-keys.json", ListKeys(party="trial", algorithm=ALGORITHM, keys={mirror.state.epoch: key}))
    folder.write("status.json", Status(party="trial"))
    folder.write("feed.json", editions.encode_feed(index_of(town, "trial")))
    return Lookup.open(folder, town.plan, load_rulebooks()).decide(
        case.number, at=asked.at, channel=asked.channel, category=asked.category, content=asked.content,
        party=asked.party or None,
    )


@pytest.mark.parametrize(("after", "upto"), [(a, u) for u in range(1, 13) for a in range(u)])
def test_a_change_set_fits_at_every_edition_that_it_spans(after: int, upto: int) -> None:
    records, exceptions = sandbox.told(after, upto, KEY, ALGORITHM)
    whole = sandbox.content(upto, KEY, ALGORITHM)
    for edition in range(after, upto):
        before = sandbox.content(edition, KEY, ALGORITHM)
        assert np.array_equal(editions.apply(before[0], records), whole[0])
        assert np.array_equal(editions.apply(before[1], exceptions), whole[1])


def test_a_follower_of_a_sandbox_feed_gets_the_documented_answers_edition_after_edition(
    trial_town: Town, tmp_path: Path
) -> None:
    magic, carrier = load(), Carrier(trial_town, "trial", tmp_path / "trial")
    late = Carrier(trial_town, "trial", tmp_path / "late")
    publish_once(trial_town)
    late.follow()
    for place in range(6):
        mirror = carrier.follow()
        kinds = {file.kind for file in index_of(trial_town, "trial").files if file.to == mirror.edition}
        assert ("full" in kinds) == (place == 0)
        for case in magic.cases:
            for asked in magic.answers(case, mirror.edition):
                found = answer(trial_town, StateFolder(tmp_path / "trial"), mirror, case, asked)
                assert (found.reason, found.allow) == (asked.reason, asked.allow), (case.id, mirror.edition)
        trial_town.clock.advance(61)
        trial_town.decline(place, Preference(place + 1, 0, 0, 0))
        publish_once(trial_town)
    assert carrier.follow().content_root == late.follow().content_root


def test_no_real_number_is_ever_in_a_sandbox_feed(trial_town: Town, tmp_path: Path) -> None:
    publish_once(trial_town)
    trial_town.allow(3)
    trial_town.clock.advance(61)
    publish_once(trial_town)
    mirror = Carrier(trial_town, "trial", tmp_path / "trial").follow()
    digits = np.array(trial_town.digits[:20], np.uint64)
    found, _ = mirror.find_many(tags.tags_many(trial_town.keys.list_key("trial"), digits))
    assert not found.any()
    assert set(index_of(trial_town, "trial").parties.values()) <= {"magic-lender", "magic-estate"}
    assert 0 < mirror.entries < len(load().cases)


def test_a_sandbox_feed_moves_on_by_itself_and_other_feeds_stay_as_they_are(trial_town: Town) -> None:
    publish_once(trial_town)
    assert publish_once(trial_town)["feeds"] == 0
    trial_town.clock.advance(minutes=11)
    assert publish_once(trial_town)["feeds"] == 1
    assert (index_of(trial_town, "trial").newest, index_of(trial_town, "cmcc").newest) == (2, 1)


def test_without_a_sandbox_no_edition_is_made_for_one(small_town: Town) -> None:
    small_town.load(3)
    publish_once(small_town)
    small_town.clock.advance(minutes=30)
    assert publish_once(small_town)["editions"] == 0


def test_pages_and_metrics_count_sandbox_followers_only_where_they_are_asked_for(trial_town: Town) -> None:
    publish_once(trial_town)
    shown = followers.feed_states(trial_town.store, trial_town.clock)
    everybody = followers.feed_states(trial_town.store, trial_town.clock, sandbox=True)
    assert {state.party for state in everybody} - {state.party for state in shown} == {"trial"}
    delivery = followers.delivery_of(trial_town.store, number=trial_town.number(0))
    assert delivery.carriers <= 2
