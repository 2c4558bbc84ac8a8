"""A telemarketer with scrubs in every state, and how a call list is sent by a browser's form."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from registry import parties
from registry.assembly import Registry
from tests.web.filled import Visitor, member
from tests.web.filled_scrubs import LIST

PARTY = "shouyi"
NEW = "/party/scrubs/new"


def telemarketer(registry: Registry, party: str = PARTY) -> None:
    """Add a telemarketer."""
    if registry.store.parties.party(party) is None:
        parties.add_party(
            registry.store, registry.clock, party=party, kind="telemarketer", name_zh="首译贷款", name_en="First Loans"
        )


def visitor(app: Flask, registry: Registry, role: str = "scrubber", party: str = PARTY) -> Visitor:
    """Somebody who is signed in for a telemarketer."""
    telemarketer(registry, party)
    return Visitor(app, member(registry, party, role))


def body(content: bytes, name: str, token: str, end: bytes = b"\r\n--x--\r\n") -> bytes:
    """The form with a file as a browser sends it: the token first."""
    part = '--x\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
    head = (part.format("csrf_token", "") + token + "\r\n") if token else ""
    return (head + part.format("file", f'; filename="{name}"')).encode() + content + end


def post(who: Visitor, content: bytes, **more: Any) -> TestResponse:
    """Send a body to where files go."""
    return who.client.post(NEW, data=content, content_type="multipart/form-data; boundary=x", **more)


def send(who: Visitor, content: bytes = LIST, name: str = "list.csv") -> TestResponse:
    """Send a file as the form does."""
    who.get(NEW)
    return post(who, body(content, name, who.token))


def sent(who: Visitor, content: bytes = LIST, name: str = "list.csv") -> str:
    """Send a file; the scrub that it began."""
    answer = send(who, content, name)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    scrub = answer.headers["Location"].split("/")[3]
    who.get(f"/party/scrubs/{scrub}/ask")
    return scrub


def asked(who: Visitor, scrub: str, *, status: int = 200, **more: Any) -> str:
    """Say what a list is checked for; the page that follows."""
    fields = {
        "column": "2", "headed": "yes", "country": "CN", "channel": "calls", "category": "loan", "when": "now",
        "campaign": "Autumn", "on_behalf": "",
    } | more  # fmt: skip
    return who.post(f"/party/scrubs/{scrub}/ask", status=status, **fields)
