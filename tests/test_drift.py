"""Drift over the real site: a carrier's damaged list is mended by what differs, and the carrier is named."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from registry import parties, registrations, sealing
from registry.alarms import alarms
from registry.assembly import assemble
from registry.errors import NotAllowedError
from registry.findings import Findings
from registry.numbering.draw import draw_numbers
from sync.follow import follow_once
from sync.mirror import Mirror
from sync.publish import publish_once
from sync.source import HttpSource
from sync.state import StateFolder
from tests.web.serving import serving

NUMBERS = 20_000


@pytest.mark.processes
def test_a_damaged_list_is_mended_over_the_real_site_and_the_carrier_is_named(tmp_path: Path) -> None:
    with serving(tmp_path / "instance") as site:
        registry = assemble(site.folder)
        store, clock = registry.store, registry.clock
        parties.add_party(store, clock, party="all", kind="carrier", name_zh="全", name_en="All", scope="national")
        _id, key = parties.issue_key(store, clock, party="all", scopes=("feed",), label="test")
        sealed = sealing.seal_many(registry.keys.at_rest, draw_numbers(registry.plan, NUMBERS, seed=3))
        mask = np.full(NUMBERS, 0xFFFF)
        registrations.load_many(
            store, clock, sealed=sealed, calls=mask, robocalls=mask, messages=mask, quiet=mask * 0, source="load"
        )
        publish_once(registry)
        source, state = HttpSource(f"{site.url}/api/v1/feeds/all", key), StateFolder(tmp_path / "state")
        root = registry.shelf.get("trust/1.root.json")
        full = follow_once(source, state, clock, party="all", root=root)
        damage(state)
        done = follow_once(source, state, clock, party="all", verify=True)
        source.close()
        assert done.found == Findings(lost=1, weakened=1, strengthened=0, foreign=1, repaired_bytes=done.size)
        assert (done.agrees, done.entries) == (True, NUMBERS)
        assert done.size < full.size / 2
        Mirror.open(state.list).verify()
        (alarm,) = alarms(store, clock, lag_minutes=30)
        assert (alarm.kind, alarm.party) == ("weakened", "all")
        stranger = HttpSource(f"{site.url}/api/v1/feeds/all", "dc_no_key")
        with pytest.raises(NotAllowedError):
            stranger.ask("repair/1", most=1 << 16)
        stranger.close()
        registry.close()
        assert re.search(r"list_repaired", site.log())


def damage(state: StateFolder) -> None:
    """Flip a bit of a tag in one bucket, and one of a mask in another."""
    first, second = sorted(path for path in state.list.iterdir() if len(path.name) == 35)[:2]
    for path, place in ((first, 5), (second, 9)):
        content = bytearray(path.read_bytes())
        content[place] ^= 0x10
        path.write_bytes(bytes(content))
