"""SQL about party, member, api_key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.parties import ApiKey, Member, Party
from registry.store.engine import Engine, Row
from registry.times import from_micros

_PARTY = "party, ordinal, kind, name_zh, name_en, state, scope, licensed, host, follows, sandbox, tier"
_MEMBER = "member, party, email, name, role, state, totp_step"
_KEY = "api_key, party, scopes, label, created, used, revoked, sandbox"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a member's sign-in is checked against: bcrypt hash, sealed TOTP secret, last step used, lock (Micros)."""

    password: str | None
    totp: bytes | None
    totp_step: int
    locked: int


class Parties:
    """Rows of party, member, api_key."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> tuple[Party, ...]:
        """All parties by ordinal."""
        return tuple(_party(row) for row in self._engine.rows(f"SELECT {_PARTY} FROM party ORDER BY ordinal"))  # noqa: S608

    def party(self, party: str) -> Party | None:
        """A party by its id."""
        row = self._engine.row(f"SELECT {_PARTY} FROM party WHERE party = :party", party=party)  # noqa: S608 - fixed
        return _party(row) if row else None

    def next_ordinal(self) -> int:
        """One more than the highest ordinal ever given; inside `writing(about="parties")`."""
        row = self._engine.row("SELECT COALESCE(MAX(ordinal), 0) AS highest FROM party")
        return int(row["highest"]) + 1 if row else 1

    def add(self, party: Party, *, created: int) -> None:
        """Add a party."""
        self._engine.run(
            f"""INSERT INTO party ({_PARTY}, created)
            VALUES (:party, :ordinal, :kind, :name_zh, :name_en, :state, :scope, :licensed, :host, :follows, :sandbox,
                :tier, :created)""",  # noqa: S608
            party=party.party, ordinal=party.ordinal, kind=party.kind, name_zh=party.name_zh, name_en=party.name_en,
            state=party.state, scope=party.scope, licensed=int(party.licensed), host=party.host, follows=party.follows,
            sandbox=int(party.sandbox), tier=party.tier, created=created,
        )

    def set_state(self, party: str, state: str) -> None:
        """Change a party's state."""
        self._engine.run("UPDATE party SET state = :state WHERE party = :party", party=party, state=state)

    def set_tier(self, party: str, tier: str) -> None:
        """Change a party's licence tier."""
        self._engine.run("UPDATE party SET tier = :tier WHERE party = :party", party=party, tier=tier)

    def set_reseller(self, party: str, *, host: str, follows: str) -> None:
        """Change whose reseller a party is ("": nobody's) and how it follows."""
        self._engine.run(
            "UPDATE party SET host = :host, follows = :follows WHERE party = :party",
            party=party, host=host, follows=follows,
        )

    # members

    def member(self, member: str) -> Member | None:
        """A member by id."""
        row = self._engine.row(f"SELECT {_MEMBER} FROM member WHERE member = :member", member=member)  # noqa: S608
        return _member(row) if row else None

    def member_of_email(self, email: str) -> Member | None:
        """A member by address (in its normal form)."""
        row = self._engine.row(f"SELECT {_MEMBER} FROM member WHERE email = :email", email=email)  # noqa: S608 - fixed
        return _member(row) if row else None

    def members(self, party: str) -> tuple[Member, ...]:
        """The members of a party by name."""
        rows = self._engine.rows(
            f"SELECT {_MEMBER} FROM member WHERE party = :party ORDER BY name, member", party=party  # noqa: S608 - fixed
        )
        return tuple(_member(row) for row in rows)

    def add_member(self, member: Member, *, created: int) -> None:
        """Add a member without password and second factor."""
        self._engine.run(
            """INSERT INTO member (member, party, email, name, role, password, totp, totp_step, state, failed, locked,
                created)
            VALUES (:member, :party, :email, :name, :role, NULL, NULL, 0, :state, 0, 0, :created)""",
            member=member.member, party=member.party, email=member.email, name=member.name, role=member.role,
            state=member.state, created=created,
        )

    def set_member_state(self, member: str, state: str) -> None:
        """Change a member's state."""
        self._engine.run("UPDATE member SET state = :state WHERE member = :member", member=member, state=state)

    # what members sign in with

    def credentials(self, member: str) -> Credentials | None:
        """What a member's sign-in is checked against."""
        row = self._engine.row(
            "SELECT password, totp, totp_step, locked FROM member WHERE member = :member", member=member
        )
        if row is None:
            return None
        totp = bytes(row["totp"]) if row["totp"] is not None else None
        return Credentials(row["password"], totp, int(row["totp_step"]), int(row["locked"]))

    def start_over(self, member: str, *, password: str) -> None:
        """Give a member a password and activate them; the second factor has to be set up again."""
        self._engine.run(
            """UPDATE member SET password = :password, totp = NULL, totp_step = 0, state = 'active', failed = 0,
                locked = 0 WHERE member = :member""",
            member=member, password=password,
        )

    def set_password(self, member: str, password: str) -> None:
        """Keep another hash of a password."""
        self._engine.run(
            "UPDATE member SET password = :password WHERE member = :member", member=member, password=password
        )

    def propose_totp(self, member: str, totp: bytes) -> None:
        """Keep a sealed TOTP secret that has not been proved yet, unless there is one already."""
        self._engine.run(
            "UPDATE member SET totp = :totp WHERE member = :member AND totp IS NULL", member=member, totp=totp
        )

    def use_step(self, member: str, step: int) -> bool:
        """Use up a TOTP time step; False where it or a later one was used before."""
        return self._engine.run(
            "UPDATE member SET totp_step = :step WHERE member = :member AND totp_step < :step", member=member, step=step
        ) > 0

    def spend_guess(self, member: str, *, at: int, most: int, until: int) -> bool:
        """Spend a guess of the second factor; the last of `most` locks until `until` (Micros). False where locked."""
        return self._engine.run(
            """UPDATE member SET failed = CASE WHEN locked > 0 THEN 1 ELSE failed + 1 END,
                locked = CASE WHEN locked = 0 AND failed + 1 >= :most THEN :until ELSE 0 END
            WHERE member = :member AND locked <= :at""",
            member=member, at=at, most=most, until=until,
        ) > 0

    def forgive(self, member: str) -> None:
        """Forget all wrong guesses."""
        self._engine.run("UPDATE member SET failed = 0, locked = 0 WHERE member = :member", member=member)

    # API keys

    def add_key(
        self, *, key: str, party: str, secret: bytes, scopes: Sequence[str], label: str, created: int,
        sandbox: bool = False,
    ) -> None:
        """Add an API key; `secret` is its SHA-256."""
        self._engine.run(
            """INSERT INTO api_key (api_key, party, secret, scopes, label, created, used, revoked, sandbox)
            VALUES (:key, :party, :secret, :scopes, :label, :created, NULL, NULL, :sandbox)""",
            key=key, party=party, secret=secret, scopes=" ".join(scopes), label=label, created=created,
            sandbox=int(sandbox),
        )

    def key(self, key: str) -> ApiKey | None:
        """An API key by its id."""
        row = self._engine.row(f"SELECT {_KEY} FROM api_key WHERE api_key = :key", key=key)  # noqa: S608 - fixed names
        return _key(row) if row else None

    def secret(self, key: str) -> bytes | None:
        """The SHA-256 of a key's secret."""
        row = self._engine.row("SELECT secret FROM api_key WHERE api_key = :key", key=key)
        return bytes(row["secret"]) if row else None

    def keys(self, party: str) -> tuple[ApiKey, ...]:
        """A party's keys, newest first."""
        rows = self._engine.rows(
            f"SELECT {_KEY} FROM api_key WHERE party = :party ORDER BY created DESC, api_key", party=party  # noqa: S608
        )
        return tuple(_key(row) for row in rows)

    def touch(self, key: str, *, at: int) -> None:
        """Note when a key was last used."""
        self._engine.run("UPDATE api_key SET used = :at WHERE api_key = :key", key=key, at=at)

    def revoke(self, key: str, *, at: int) -> None:
        """Revoke a key that is not revoked yet."""
        self._engine.run("UPDATE api_key SET revoked = :at WHERE api_key = :key AND revoked IS NULL", key=key, at=at)


def _party(row: Row) -> Party:
    return Party(**{**row, "licensed": bool(row["licensed"]), "sandbox": bool(row["sandbox"])})


def _member(row: Row) -> Member:
    step = row.pop("totp_step")
    return Member(**row, second_factor=step > 0)


def _key(row: Row) -> ApiKey:
    used, revoked = (from_micros(row[name]) if row[name] is not None else None for name in ("used", "revoked"))
    return ApiKey(
        row["api_key"], row["party"], frozenset(row["scopes"].split()), row["label"], from_micros(row["created"]),
        used, revoked, bool(row["sandbox"]),
    )
