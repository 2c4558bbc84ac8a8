"""A visitor of the pages without a browser: takes forms as they stand, fills them in and sends them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from registry import access, parties
from registry.assembly import Registry

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
Reader = Callable[[], str]


class Visitor:
    """Somebody at a screen; `extra` goes along with every request (address, headers)."""

    def __init__(self, client: FlaskClient, code_of: Reader, **extra: Any) -> None:
        self.client, self._code_of, self._extra = client, code_of, extra

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **{**self._extra, **more})

    def submit(self, path: str, *, page: str = "", **fields: Any) -> TestResponse:
        """Send the form of a page (at `path`, unless it stands at `page`)."""
        found = _TOKEN.search(self.get(page or path).text)
        assert found, f"{page or path} has no form"
        return self.client.post(path, data={"csrf_token": found.group(1), **fields}, **self._extra)

    def prove(self, number: str, *, start: str = "/register") -> TestResponse:
        """Prove a number by its code; the answer that follows."""
        asked = self.submit(start, number=number)
        assert asked.status_code == 303, asked.text
        return self.submit("/code", code=self._code_of())

    def become(self, registry: Registry, role: str, *, party: str, strong: bool = True) -> None:
        """Be a member of a party from here on."""
        email = f"{role}@{party}.example"
        member = registry.store.parties.member_of_email(email) or parties.add_member(
            registry.store, registry.clock, party=party, email=email, name=role, role=role
        )
        with registry.store.writing():
            registry.store.parties.start_over(member.member, password="-")
        token = access.open_session(
            registry.store, registry.clock, kind="member", member=member.member, minutes=60, strong=strong
        )
        self.client.set_cookie("dc_session", token)


def host_of(answer: TestResponse) -> str:
    """The host that a redirect leads to; empty for this site."""
    return urlsplit(answer.headers["Location"]).netloc
