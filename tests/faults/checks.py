"""What must hold after every fault: lists are what the tables say, numbers of editions are used once, roots agree, and
every row of a report counted once."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np

from registry import followers, registrations, serving, tags
from registry.editions import decode_feed
from registry.preferences import NOTHING
from sync.mirror import Mirror
from tests.faults.carriers import Follower
from tests.faults.scene import CARRIERS, POOL, Scene

Said = dict[int, tuple[int, ...]]


def everything(scene: Scene, *, tables_are_whole: bool = True) -> None:
    """All checks, when everything is published. `tables_are_whole` False: an old backup lost what was said."""
    if tables_are_whole:
        heard(scene)
    for party in CARRIERS:
        follower = Follower(scene, party)
        follower.follow()
        mirror = follower.mirror()
        assert listed(scene, mirror, party) == truth(scene, party), f"the list of {party} is not what the tables say"
    numbers_once(scene)
    roots_agree(scene)
    reports_once(scene)
    states = followers.feed_states(scene.registry.store, scene.registry.clock)
    entries = {state.party: state.entries for state in states}
    scene.say(
        f"checked: {len(scene.said):,} people's choices in the tables and on the lists {entries}; "
        f"{scene.registry.store.editions.newest()} editions, each number once; roots agree; "
        f"{len(scene.sent)} reports counted once"
    )


def heard(scene: Scene) -> None:
    """What the registry said yes to is in its tables."""
    for place, wanted in scene.said.items():
        found = registrations.current(scene.registry.store, scene.number(place))
        stands = found.preference if found is not None and found.is_active else NOTHING
        assert stands == wanted, f"choice {place} is not in the tables"


def truth(scene: Scene, party: str) -> Said:
    """What the tables say that a recipient's list must hold, by place."""
    store, plan, said = scene.registry.store, scene.registry.plan, {}
    for place in range(POOL):
        number = scene.number(place)
        found = registrations.current(store, number)
        served = serving.serving_carrier(store, plan, scene.digits[place], number)
        if found is not None and found.is_active and (CARRIERS[party] == "national" or served == party):
            wanted = found.preference
            said[place] = (wanted.calls, wanted.robocalls, wanted.messages, wanted.quiet)
    return said


def listed(scene: Scene, mirror: Mirror, party: str) -> Said:
    """What a list says, by place; it holds nothing else."""
    key = scene.registry.keys.list_key(party, mirror.state.epoch)
    found, rows = mirror.find_many(tags.tags_many(key, np.array(scene.digits, np.uint64)))
    assert int(found.sum()) == mirror.entries, "the list holds what nobody said"
    return {place: tuple(rows[place].tolist()[1:]) for place in range(POOL) if found[place]}


def numbers_once(scene: Scene) -> None:
    """Editions are counted without a gap but where they were resumed, all are published, and hold what they say."""
    engine = scene.registry.store.engine
    rows = engine.rows("SELECT edition, state, changes FROM edition ORDER BY edition")
    for before, after in pairwise(rows):
        assert after["edition"] == before["edition"] + 1 or after["state"] == "resumed", after
    assert {row["state"] for row in rows} <= {"published", "resumed"}
    held = {
        row["edition"]: row["many"]
        for row in engine.rows("SELECT edition, COUNT(*) AS many FROM edition_change GROUP BY edition")
    }
    assert {row["edition"]: row["changes"] for row in rows if row["changes"]} == held


def roots_agree(scene: Scene) -> None:
    """An edition of a feed has one root: in every index on the shelf, in the tables, and in what carriers say."""
    shelf, store, roots = scene.registry.shelf, scene.registry.store, defaultdict(set)
    for name in shelf.names("feeds/"):
        if "/targets/" in name:
            index = decode_feed(shelf.get(name))
            for entry in index.editions:
                roots[index.recipient, entry.edition, entry.epoch].add((entry.entries, entry.content_root))
    assert all(len(found) == 1 for found in roots.values()), "an edition was published twice, differently"
    for party, row in store.feeds.newest().items():
        mine = [found for key, found in roots.items() if key[:2] == (party, row.edition)]
        known = (row.entries, row.content_root.hex())
        assert any(known in found for found in mine), f"the tables know another root of {party}"
    for state in followers.feed_states(store, scene.registry.clock):
        assert state.agrees, f"{state.party} does not agree"
        assert state.acknowledged == state.edition


def reports_once(scene: Scene) -> None:
    """Every report that was handed over is there, once; batches add up."""
    engine = scene.registry.store.engine
    found = [row["source_id"] for row in engine.rows("SELECT source_id FROM report")]
    assert len(found) == len(set(found))
    assert set(found) == scene.sent, f"{len(found)} reports of {len(scene.sent)}"
    for row in engine.rows("SELECT * FROM batch"):
        assert row["rows"] == row["accepted"] + row["duplicates"] + row["quarantined"], row["batch"]
