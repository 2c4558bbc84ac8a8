"""The regulator's office, where tests hire members and let them sign in."""

from __future__ import annotations

import pyotp

from registry import access, credentials, parties
from registry.access import ROLES_OF, Actor
from registry.keys import KeyRing
from registry.settings import SiteSettings
from registry.store import Store
from tests.doubles import FakeClock

SETTINGS = SiteSettings(bcrypt_cost=4, member_minutes=60)
PASSWORD = "correct horse 电池"


class Desk:
    """The regulator's office: members come in here."""

    def __init__(self, store: Store, clock: FakeClock, keys: KeyRing) -> None:
        self.store, self.clock, self.keys = store, clock, keys
        parties.add_party(store, clock, party="regulator", kind="regulator", name_zh="局", name_en="Office")
        parties.add_party(store, clock, party="cmcc", kind="carrier", name_zh="移动", name_en="Mobile")

    def hire(self, role: str = "officer", email: str = "li@example.cn") -> str:
        party = "regulator" if role in ROLES_OF["regulator"] else "cmcc"
        return parties.add_member(self.store, self.clock, party=party, email=email, name="Li", role=role).member

    def welcome(self, role: str = "officer", email: str = "li@example.cn") -> str:
        """Hire somebody who takes the invitation up; the session's token."""
        token = credentials.invite(self.store, self.clock, member=self.hire(role, email))
        return self.accept(token)

    def accept(self, token: str, password: str = PASSWORD) -> str:
        return credentials.accept_invitation(self.store, self.clock, SETTINGS, token=token, password=password)[0]

    def actor(self, token: str) -> Actor:
        found = access.find_session(self.store, self.clock, token)
        assert found is not None
        return found

    def enrol(self, token: str) -> str:
        member = self.actor(token).member
        assert member is not None
        return credentials.begin_second_factor(self.store, self.keys, member=member).secret

    def code(self, secret: str) -> str:
        return pyotp.TOTP(secret).at(self.clock.now())

    def prove(self, token: str, code: str) -> str:
        return credentials.prove_second_factor(
            self.store, self.keys, self.clock, SETTINGS, token=token, code=code
        )

    def sign_in(
        self, password: str = PASSWORD, email: str = "li@example.cn", address: str = "192.0.2.1",
        settings: SiteSettings = SETTINGS,
    ) -> str:  # fmt: skip
        return credentials.sign_in(
            self.store, self.keys, self.clock, settings, email=email, password=password, address=address
        )[0]

    def officer(self) -> tuple[str, str]:
        """An officer with everything set up: a strong session's token and the secret."""
        token = self.welcome()
        secret = self.enrol(token)
        strong = self.prove(token, self.code(secret))
        self.clock.advance(60)
        return strong, secret
