"""How members prove who they are: invitations, passwords, the second factor, and the lock after wrong guesses.

Rules of this room:
- A guess is spent and committed before it is looked at. Passwords: five guesses per address typed, then one each three
  minutes, and so many per network address; all of it counts for an address that nobody has as for a member's, so that
  no answer, wait or time tells which addresses exist. Second factors: five wrong ones lock a member for 15 minutes.
- Whoever knows a member's address can use its guesses up and so delay a sign-in by minutes: the price of the limit.
- Passwords are bcrypt hashes; one of more than 72 bytes, of which bcrypt would not see the end, is refused.
- Second factors are TOTP (RFC 6238): the secret is stored encrypted, and a time step counts once, so that a code that
  was looked at over a shoulder is worth nothing.
- An invitation works once; whoever takes it up sets a new password and a new second factor.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import bcrypt
import pyotp

from registry import access, audit
from registry.access import token_hash
from registry.errors import ConflictError, InvalidInputError, NotFoundError, SignInRequiredError, TooManyError
from registry.keys import FIRST_EPOCH
from registry.limits import Limit, address_subject, forgive_inside, give_back_inside, spend_all, subject_of
from registry.parties import Member, is_email, normal_email
from registry.sealing import seal_text, unseal_text
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.settings import SiteSettings
    from registry.store import Store

GUESSES = 5
LOCK = timedelta(minutes=15)
_HOUR_S = 3600
SHORTEST_PASSWORD = 10  # characters
LONGEST_PASSWORD = 72  # bytes, bcrypt's own limit
INVITATION = timedelta(days=3)
_STEP_S = 30
_ISSUER = "Decline Call"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A second factor to be set up: the secret (base32) to type and the address for a QR code. Never stored clear."""

    secret: str
    uri: str


# passwords


def hash_password(password: str, cost: int) -> str:
    """The bcrypt hash of a new password. Raises InvalidInputError password_short, password_long, bad_password."""
    raw = _bytes(password)
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInputError(f"A password has at least {SHORTEST_PASSWORD} characters.", code="password_short")
    if len(raw) > LONGEST_PASSWORD:
        raise InvalidInputError(f"A password has at most {LONGEST_PASSWORD} bytes.", code="password_long")
    if b"\0" in raw or len(set(password)) < 4:
        raise InvalidInputError("This password is too easy to guess.", code="bad_password")
    return bcrypt.hashpw(raw, bcrypt.gensalt(cost)).decode()


def password_fits(password: str, hashed: str | None, cost: int) -> bool:
    """Whether a password is the one of a hash; takes as long where there is no hash."""
    raw = _bytes(password)
    if len(raw) > LONGEST_PASSWORD:
        raw, hashed = b"", None
    fits = bcrypt.checkpw(raw, (hashed or _nobodys(cost)).encode())
    return fits and hashed is not None


def _bytes(password: str) -> bytes:
    """One form for what keyboards write in two (NFC)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "replace")


@lru_cache(maxsize=4)
def _nobodys(cost: int) -> str:
    return bcrypt.hashpw(b"nobody's password", bcrypt.gensalt(cost)).decode()


# signing in


def sign_in(
    store: Store, keys: KeyRing, clock: Clock, settings: SiteSettings, *, email: str, password: str, address: str
) -> tuple[str, Member]:
    """Check a password: a session's token and the member. Where the role asks for it, the second factor is still owed.

    `address` is who asks. Raises SignInRequiredError sign_in_wrong, TooManyError locked with the wait.
    """
    email = normal_email(email)
    own = Limit("sign-in-email", subject_of(keys, b"email:" + email.encode()), GUESSES, int(LOCK.total_seconds()))
    near = Limit("sign-in-address", address_subject(keys, address), settings.sign_ins_per_address_hour, _HOUR_S)
    try:
        spend_all(store, clock, limits=(own, near))
    except TooManyError as error:
        raise _locked(error.retry_after) from None
    member = store.parties.member_of_email(email) if is_email(email) else None
    held = store.parties.credentials(member.member) if member and member.state == "active" else None
    fits = password_fits(password, held.password if held else None, settings.bcrypt_cost)
    if member is None or held is None or held.password is None or not fits:
        with store.writing(about="sign-in"):  # also for a stranger, or the time would tell
            audit.append(
                store, clock, actor=f"member:{member.member}" if member else "anonymous", action="sign_in_failed"
            )
        raise SignInRequiredError("The address or the password is wrong.", code="sign_in_wrong")
    with store.writing(about=f"member {member.member}"):
        if f"${settings.bcrypt_cost:02}$" not in held.password:
            store.parties.set_password(member.member, hash_password(password, settings.bcrypt_cost))
        forgive_inside(store, limits=(own,))
        give_back_inside(store, limits=(near,))
        audit.append(store, clock, actor=f"member:{member.member}", action="password_given")
    return _open(store, clock, settings, member.member, strong=False), member


def _open(store: Store, clock: Clock, settings: SiteSettings, member: str, *, strong: bool) -> str:
    return access.open_session(
        store, clock, kind="member", member=member, minutes=settings.member_minutes, strong=strong
    )


def _locked(seconds: int) -> TooManyError:
    detail = "There were too many wrong guesses. Please wait and try again."
    return TooManyError(detail, code="locked", retry_after=max(1, seconds))


def _spend_guess(store: Store, clock: Clock, member: str) -> None:
    """Spend one guess of a member's second factor. Raises TooManyError locked with the wait."""
    now = clock.now()
    with store.writing(about=f"member {member}"):
        spent = store.parties.spend_guess(member, at=to_micros(now), most=GUESSES, until=to_micros(now + LOCK))
        held = store.parties.credentials(member)
    if not spent:
        left = from_micros(held.locked) - now if held else LOCK
        raise _locked(int(left.total_seconds()) + 1)


# the second factor


def _totp_key(keys: KeyRing) -> bytes:
    return keys.derive("at-rest", "totp", FIRST_EPOCH)  # like sealed numbers: stored things stay under the first epoch


def begin_second_factor(store: Store, keys: KeyRing, *, member: Member) -> Enrolment:
    """The second factor to set up; the same until it is proved. Raises ConflictError second_factor_set."""
    with store.writing(about=f"member {member.member}"):
        store.parties.propose_totp(member.member, seal_text(_totp_key(keys), pyotp.random_base32()))
        held = store.parties.credentials(member.member)
    if held is None or held.totp is None or held.totp_step:
        raise ConflictError("The second factor is set up already.", code="second_factor_set")
    secret = unseal_text(_totp_key(keys), held.totp)
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=member.email, issuer_name=_ISSUER))


def prove_second_factor(
    store: Store, keys: KeyRing, clock: Clock, settings: SiteSettings, *, token: str, code: str
) -> str:
    """Check a code of the member whose session `token` is: the token of the new, strong session; the old one ends.

    The first right code also completes the setting up. Raises SignInRequiredError sign_in_member where there is no
    session, ConflictError second_factor_missing, InvalidInputError second_factor_wrong, TooManyError locked.
    """
    actor = access.find_session(store, clock, token)
    if actor is None or actor.member is None:
        raise SignInRequiredError("Please sign in first.", code="sign_in_member")
    member = actor.member
    held = store.parties.credentials(member.member)
    if held is None or held.totp is None:
        raise ConflictError("Please set up the second factor first.", code="second_factor_missing")
    _spend_guess(store, clock, member.member)
    step = _step_of(unseal_text(_totp_key(keys), held.totp), code, int(clock.now().timestamp()) // _STEP_S)
    with store.writing(about=f"member {member.member}"):
        right = step is not None and store.parties.use_step(member.member, step)
        if right:
            store.parties.forgive(member.member)
            store.sessions.close(token_hash(token))
        event = "signed_in" if held.totp_step else "second_factor_set"
        audit.append(
            store, clock, actor=f"member:{member.member}", action=event if right else "second_factor_failed"
        )
    if not right:
        raise InvalidInputError("This code is wrong or was used already.", code="second_factor_wrong")
    return _open(store, clock, settings, member.member, strong=True)


def _step_of(secret: str, code: str, now: int) -> int | None:
    """The time step, of the present and its neighbours, that a code belongs to."""
    digits = unicodedata.normalize("NFKC", code).replace(" ", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) == 6):
        return None
    totp = pyotp.TOTP(secret)
    fitting = [s for s in (now - 1, now, now + 1) if pyotp.utils.strings_equal(totp.generate_otp(s), digits)]
    return max(fitting, default=None)


# invitations


def invite(store: Store, clock: Clock, *, member: str, actor: str = "system") -> str:
    """A one-time token for a member who is new or lost password or second factor; an earlier one ends.

    Raises NotFoundError no_such_member.
    """
    token = access.new_token()
    with store.writing(about=f"member {member}"):
        if store.parties.member(member) is None:
            raise NotFoundError("There is no such member.", code="no_such_member")
        store.sessions.invite(
            invitation=token_hash(token), member=member, expires=to_micros(clock.now() + INVITATION)
        )
        audit.append(store, clock, actor=actor, action="member_invited", subject=f"member:{member}")
    return token


def invited(store: Store, clock: Clock, token: str) -> Member:
    """Whom an open invitation is for. Raises NotFoundError no_such_invitation."""
    member = store.sessions.invited(token_hash(token), at=to_micros(clock.now()))
    found = store.parties.member(member) if member else None
    if found is None:
        raise _no_invitation()
    return found


def accept_invitation(
    store: Store, clock: Clock, settings: SiteSettings, *, token: str, password: str
) -> tuple[str, Member]:
    """Take an invitation up with a new password: a session's token (the second factor still owed) and the member.

    A password that is refused leaves the invitation open. Raises as `hash_password`, NotFoundError no_such_invitation.
    """
    invited(store, clock, token)
    hashed = hash_password(password, settings.bcrypt_cost)
    with store.writing(about="members"):
        member = store.sessions.use_invitation(token_hash(token), at=to_micros(clock.now()))
        if member is None:
            raise _no_invitation()
        store.parties.start_over(member, password=hashed)
        store.sessions.close_all(member)
        found = store.parties.member(member)
        audit.append(store, clock, actor=f"member:{member}", action="invitation_accepted")
    assert found is not None
    return _open(store, clock, settings, member, strong=False), found


def _no_invitation() -> NotFoundError:
    return NotFoundError("This invitation is not known, was used already or is too old.", code="no_such_invitation")
