"""The people of the scripted quarter: they report with all that RULES §4 asks, complete what came back, send evidence.

Rules of this room: everything goes through the use cases that the site and text messages go through.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING, Any

from registry import evidencefiles, peoplesreports
from registry.access import Actor
from registry.handling import Handling, Tools
from registry.numbering.provinces import load_provinces
from registry.numbers import Number
from registry.peoplesreports import Told
from registry.sealing import SealedNumber, seal_one

if TYPE_CHECKING:
    from registry.assembly import Registry

COUNTRY = "CN"
FORGETFUL, WITH_EVIDENCE = 20, 10  # one in so many forgets something, sends a picture or recording
_SAID = "{}号示例公司来电推销，自称有优惠，已明确拒绝仍反复拨打"
_PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
_RECORDING = b"#!AMR\n" + bytes(400)


def tools_of(registry: Registry) -> Tools:
    """What moving a report needs."""
    return Tools(registry.store, registry.clock, registry.keys, registry.plan, registry.rulebooks,
                 registry.settings.numbers.zone)  # fmt: skip


class People:
    """Those who report. `counts` takes what came of it."""

    def __init__(self, registry: Registry, counts: dict[str, int]) -> None:
        self.registry, self.counts, self.tools = registry, counts, tools_of(registry)
        self.provinces = load_provinces().names[1:]

    def say(self, digits: int, row: dict[str, Any]) -> None:
        """One person, by the number that was called, reports a contact (`Quarter._row`)."""
        nth = self._count("accepted by people")
        reporter = seal_one(self.registry.keys.at_rest, Number(1, digits))
        said = row.get("description") or _SAID.format(nth % 400)
        forgot = nth % FORGETFUL == 0
        told = Told(
            row["id"], row["channel"], row.get("mode", ""), row["category"], datetime.fromisoformat(row["at"]),
            row["caller"], row.get("duration"), province=self.provinces[nth % len(self.provinces)],
            description="" if forgot else said, consent=True,
        )  # fmt: skip
        found = peoplesreports.take(
            self.tools, told=told, reporter=reporter, country=COUNTRY, shelf=self.registry.shelf
        ).handling
        if forgot:
            self._complete(found, reporter, said)
        if nth % WITH_EVIDENCE == 1:
            self._show(found, _PICTURE if nth % 2 else _RECORDING)

    def _complete(self, found: Handling, reporter: SealedNumber, said: str) -> None:
        if found.state == "returned":
            self._count("came back")
        peoplesreports.complete(
            self.tools, reference=found.reference, reporter=reporter, actor=Actor("person", number=reporter),
            country=COUNTRY, description=said, shelf=self.registry.shelf,
        )  # fmt: skip
        self._count("completed")

    def _show(self, found: Handling, content: bytes) -> None:
        registry = self.registry
        evidencefiles.add(
            registry.store, registry.keys, registry.clock, registry.shelf, registry.instance / "work", found=found,
            source=[content],
        )  # fmt: skip
        self._count("pictures and recordings")

    def _count(self, name: str) -> int:
        self.counts[name] = self.counts.get(name, 0) + 1
        return self.counts[name]
