"""Finishes a scrub as the clockwork does, where a test is about what comes after."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from registry import scrubfiles
from registry.assembly import Registry
from registry.calllists.calllist import stored
from registry.calllists.files import inspect, scrub
from registry.decisions import Contact
from registry.scrub import Scrubber
from registry.scrubindex import empty_index
from registry.scrublists import lists_of
from registry.times import to_micros

QUERY = {"channel": "calls", "category": "loan"}


@dataclass
class Telemarketer:
    """Somebody with a key who has call lists checked over the API."""

    client: FlaskClient
    headers: dict[str, str]

    def get(self, path: str = "", **headers: str) -> Any:
        return self.client.get(f"/api/v1/scrubs{path}", headers={**self.headers, **headers})

    def post(self, path: str = "", body: Any = None, **headers: str) -> Any:
        return self.client.post(f"/api/v1/scrubs{path}", json=body, headers={**self.headers, **headers})

    def send(self, content: bytes, query: dict[str, str] | None = None, length: int = 0, **headers: str) -> Any:
        """A call list as one body; `length`: what is announced, where that is wrong."""
        return self.client.post(
            "/api/v1/scrubs", data=content, query_string=QUERY if query is None else query, content_type="text/csv",
            headers={**self.headers, **headers}, environ_overrides=_announced(length),
        )

    def put(self, scrub: str, part: int, content: bytes, length: int = 0, **headers: str) -> Any:
        """A part, as `send`."""
        return self.client.put(
            f"/api/v1/scrubs/{scrub}/parts/{part}", data=content, headers={**self.headers, **headers},
            content_type="application/octet-stream", environ_overrides=_announced(length),
        )


def _announced(length: int) -> dict[str, str]:
    return {"CONTENT_LENGTH": str(length)} if length else {}


def finish(registry: Registry, scrub_: str) -> bytes:
    """The result of a scrub that waits, made and put where the API finds it."""
    store, clock = registry.store, registry.clock
    job = store.scrub_jobs.job(scrub_)
    assert job is not None
    assert job.state == "waiting"
    contact = Contact(clock.now(), job.ask.channel, job.ask.category, telemarketer=job.party)
    lists = lists_of(store, empty_index(), at=contact.at, telemarketer=job.party, grace=timedelta(seconds=60))
    scrubber = Scrubber(
        store, lists, contact, registry.rulebooks, at_rest=registry.keys.at_rest, holidays=registry.plan.holidays,
        valid=timedelta(days=7),
    )
    with scrubfiles.call_list(registry.shelf, registry.keys, job, store.scrub_jobs.parts(scrub_)) as source:
        found = inspect(source, job.name, registry.plan, country=job.ask.country, wanted=job.ask.wanted or None)
        content = b"".join(scrub(source, found, scrubber, registry.plan, country=job.ask.country))
    name = f"scrubs/{scrub_}/result"
    key = scrubfiles.key_of(registry.keys, name)
    with scrubfiles.sealed_at(Path(registry.instance) / "work", key) as (path, writer):
        writer.write(content)
        writer.close()
        registry.shelf.put(name, path)
    with store.writing():
        store.scrub_jobs.change(
            scrub_, states=("waiting",), state="done", result=name, result_size=len(content), found=stored(found),
            result_sha256=hashlib.sha256(content).hexdigest(), finished=to_micros(clock.now()), read=job.size,
            counts='{"allowed/no_recorded_will": 2, "invalid/letters": 1}', lines=3,
        )
    return content
