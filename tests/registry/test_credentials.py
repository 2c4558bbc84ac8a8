"""How members prove who they are: invitations, passwords, the lock, the second factor."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pyotp
import pytest

from registry import access, audit, credentials, parties
from registry.access import may
from registry.errors import ConflictError, InvalidInputError, NotFoundError, SignInRequiredError, TooManyError
from registry.keys import KeyRing
from registry.settings import SiteSettings
from registry.store import Store
from tests.doubles import FakeClock
from tests.registry.desk import PASSWORD, Desk

if TYPE_CHECKING:
    from registry.sealing import SealedNumber

SEALED: SealedNumber = bytes(range(16))  # type: ignore[assignment]


@pytest.fixture
def desk(store: Store, clock: FakeClock, keys: KeyRing) -> Desk:
    return Desk(store, clock, keys)


# invitations and passwords


def test_an_invitation_works_once(desk: Desk) -> None:
    token = credentials.invite(desk.store, desk.clock, member=desk.hire())
    assert credentials.invited(desk.store, desk.clock, token).email == "li@example.cn"
    assert desk.actor(desk.accept(token)).role == "officer"
    for again in (token, "x", ""):
        with pytest.raises(NotFoundError) as refused:
            desk.accept(again)
        assert refused.value.code == "no_such_invitation"


def test_an_invitation_ends_with_its_time_and_with_the_next_one(desk: Desk) -> None:
    member = desk.hire()
    first = credentials.invite(desk.store, desk.clock, member=member)
    second = credentials.invite(desk.store, desk.clock, member=member)
    with pytest.raises(NotFoundError):
        desk.accept(first)
    desk.clock.advance(seconds=credentials.INVITATION.total_seconds())
    with pytest.raises(NotFoundError):
        desk.accept(second)
    with pytest.raises(NotFoundError):
        credentials.invite(desk.store, desk.clock, member="nobody")


def test_a_refused_password_leaves_the_invitation_open(desk: Desk) -> None:
    token = credentials.invite(desk.store, desk.clock, member=desk.hire())
    refusals = {"short": "password_short", "x" * 73: "password_long", "密" * 25: "password_long",
                "aaaaaaaaaaaa": "bad_password", "abcdefghij\0kl": "bad_password"}  # fmt: skip
    for password, code in refusals.items():
        with pytest.raises(InvalidInputError) as refused:
            desk.accept(token, password)
        assert refused.value.code == code
    assert desk.accept(token, "密密码很长但可以用" + "x" * 40)


def test_a_new_invitation_ends_sessions_password_and_second_factor(desk: Desk) -> None:
    strong, secret = desk.officer()
    member = desk.actor(strong).member
    assert member is not None
    assert member.second_factor
    token = credentials.invite(desk.store, desk.clock, member=member.member)
    assert desk.actor(strong).strong  # the invitation alone changes nothing
    fresh = desk.accept(token, "another password 2")
    assert access.find_session(desk.store, desk.clock, strong) is None
    assert desk.enrol(fresh) != secret
    with pytest.raises(SignInRequiredError):
        desk.sign_in(PASSWORD)
    assert desk.sign_in("another password 2")


def test_a_password_is_stored_as_bcrypt_and_hashed_anew_when_the_cost_changes(desk: Desk) -> None:
    desk.welcome("clerk")
    member = desk.store.parties.member_of_email("li@example.cn")
    assert member is not None

    def stored() -> str:
        found = desk.store.parties.credentials(member.member)
        assert found is not None
        return found.password or ""

    assert stored().startswith("$2b$04$")
    dear = SiteSettings(bcrypt_cost=5)
    desk.sign_in(settings=dear)
    assert stored().startswith("$2b$05$")
    assert desk.sign_in()
    assert PASSWORD not in str(desk.store.engine.rows("SELECT * FROM member"))


def test_accents_may_be_typed_in_either_unicode_form() -> None:
    hashed = credentials.hash_password("caf\u00e9 au lait", 4)
    assert credentials.password_fits("cafe\u0301 au lait", hashed, 4)
    assert not credentials.password_fits("cafe au lait", hashed, 4)
    assert not credentials.password_fits("", None, 4)
    assert not credentials.password_fits("nobody's password", None, 4)
    assert not credentials.password_fits("x" * 100, hashed, 4)


def test_an_unknown_address_a_wrong_password_and_a_suspended_member_get_one_answer(desk: Desk) -> None:
    desk.welcome("clerk")
    desk.welcome("clerk", "out@example.cn")
    desk.hire("clerk", "new@example.cn")
    out = desk.store.parties.member_of_email("out@example.cn")
    assert out is not None
    parties.suspend_member(desk.store, desk.clock, member=out.member)
    answers = set()
    for email, password in (
        ("nobody@example.cn", PASSWORD), ("li@example.cn", "wrong"), ("out@example.cn", PASSWORD), ("", ""),
        ("new@example.cn", PASSWORD), ("li@example.cn", ""), ("x\0@y.cn", PASSWORD), ("li@example.cn", "x" * 200),
    ):
        with pytest.raises(SignInRequiredError) as refused:
            desk.sign_in(password, email)
        answers.add((refused.value.code, refused.value.detail))
    assert len(answers) == 1
    assert desk.sign_in(email=" LI@example.cn ")


@pytest.mark.parametrize("email", ["li@example.cn", "nobody@example.cn", "no address", "x\0@y.cn"])
def test_guesses_are_counted_alike_for_every_address_whoever_has_it(desk: Desk, email: str) -> None:
    desk.welcome("clerk")
    for _ in range(5):
        with pytest.raises(SignInRequiredError):
            desk.sign_in("wrong password", email)
    for password in ("wrong password", PASSWORD):
        with pytest.raises(TooManyError) as locked:
            desk.sign_in(password, f" {email.upper()} ", "192.0.2.2")
        assert (locked.value.code, locked.value.retry_after) == ("locked", 180)
        assert "limit" not in locked.value.facts
    desk.clock.advance(180)
    with pytest.raises(SignInRequiredError):
        desk.sign_in("wrong password", email)
    with pytest.raises(TooManyError):
        desk.sign_in("wrong password", email)


def test_the_right_password_forgives_the_wrong_ones_before_it(desk: Desk) -> None:
    desk.welcome("clerk")
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(SignInRequiredError):
                desk.sign_in("wrong password")
        assert desk.sign_in()


def test_a_network_address_guesses_at_thirty_members_an_hour(desk: Desk) -> None:
    desk.welcome("clerk")
    for i in range(30):
        with pytest.raises(SignInRequiredError):
            desk.sign_in("Password1!", f"someone{i}@example.cn", f"2001:db8:1:2::{i}")
    with pytest.raises(TooManyError) as refused:
        desk.sign_in(address="2001:db8:1:2:ffff::1")  # one subscriber has a whole /64
    assert refused.value.code == "locked"
    assert desk.sign_in(address="2001:db8:1:3::1")
    for _ in range(40):
        assert desk.sign_in(address="192.0.2.9"), "who knows the password spends nothing"


def test_a_failed_sign_in_leaves_one_line_in_the_trail_whoever_was_meant(desk: Desk) -> None:
    desk.welcome("clerk")
    for email in ("li@example.cn", "nobody@example.cn"):
        before = audit.verify(desk.store)[0]
        with pytest.raises(SignInRequiredError):
            desk.sign_in("wrong password", email)
        assert audit.verify(desk.store)[0] == before + 1


# the second factor


def test_an_officer_may_act_only_after_the_second_factor(desk: Desk) -> None:
    half = desk.welcome()
    assert not may(desk.actor(half), "see_overview")
    assert may(desk.actor(half), access.PROVE)
    secret = desk.enrol(half)
    assert desk.enrol(half) == secret  # the page may be loaded again
    strong = desk.prove(half, desk.code(secret))
    assert may(desk.actor(strong), "see_overview")
    assert access.find_session(desk.store, desk.clock, half) is None
    member = desk.actor(strong).member
    assert member is not None
    with pytest.raises(ConflictError) as refused:
        credentials.begin_second_factor(desk.store, desk.keys, member=member)
    assert refused.value.code == "second_factor_set"
    assert audit.verify(desk.store)[1] is None


def test_the_enrolment_is_what_authenticator_apps_read(desk: Desk) -> None:
    member = desk.actor(desk.welcome()).member
    assert member is not None
    enrolment = credentials.begin_second_factor(desk.store, desk.keys, member=member)
    parsed = pyotp.parse_uri(enrolment.uri)
    assert isinstance(parsed, pyotp.TOTP)
    assert parsed.secret == enrolment.secret
    assert (parsed.issuer, parsed.name, parsed.digits) == ("Decline Call", "li@example.cn", 6)


def test_a_secret_is_stored_encrypted(desk: Desk) -> None:
    secret = desk.enrol(desk.welcome())
    row = desk.store.engine.row("SELECT totp FROM member")
    assert row is not None
    assert secret.encode() not in bytes(row["totp"])


def test_a_code_counts_once_even_from_another_session(desk: Desk) -> None:
    _strong, secret = desk.officer()
    code = desk.code(secret)
    first, second = desk.sign_in(), desk.sign_in()
    assert desk.actor(desk.prove(first, code)).strong
    with pytest.raises(InvalidInputError) as refused:
        desk.prove(second, code)
    assert refused.value.code == "second_factor_wrong"
    older = pyotp.TOTP(secret).at(desk.clock.now() - timedelta(seconds=30))
    with pytest.raises(InvalidInputError):
        desk.prove(second, older)
    desk.clock.advance(30)
    assert desk.prove(second, desk.code(secret))


@pytest.mark.parametrize(("drift", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_one_step_off(desk: Desk, drift: int, taken: bool) -> None:
    _strong, secret = desk.officer()
    desk.clock.advance(300)
    half = desk.sign_in()
    code = pyotp.TOTP(secret).at(desk.clock.now() + timedelta(seconds=drift))
    if taken:
        assert desk.prove(half, f" {code[:3]} {code[3:]} ")
    else:
        with pytest.raises(InvalidInputError):
            desk.prove(half, code)


def test_wrong_codes_lock_a_member_and_right_passwords_in_between_do_not_help(desk: Desk) -> None:
    _strong, secret = desk.officer()
    for wrong in ("000000", "abc", "", "１２３", "1234567"):
        half = desk.sign_in()
        with pytest.raises(InvalidInputError):
            desk.prove(half, wrong if wrong != desk.code(secret) else "000001")
    for session in (half, desk.sign_in()):
        with pytest.raises(TooManyError) as locked:
            desk.prove(session, desk.code(secret))
        assert 895 <= locked.value.retry_after <= 901
    desk.clock.advance(minutes=15)
    assert desk.prove(desk.sign_in(), desk.code(secret))


def test_full_width_digits_of_a_code_are_read(desk: Desk) -> None:
    _strong, secret = desk.officer()
    code = "".join(chr(ord(digit) + 0xFEE0) for digit in desk.code(secret))
    assert desk.prove(desk.sign_in(), code)


def test_a_second_factor_needs_a_members_session_and_a_secret(desk: Desk) -> None:
    with pytest.raises(SignInRequiredError):
        desk.prove("no session", "123456")
    person = access.open_session(desk.store, desk.clock, kind="person", number=SEALED, minutes=5)
    with pytest.raises(SignInRequiredError):
        desk.prove(person, "123456")
    with pytest.raises(ConflictError) as refused:
        desk.prove(desk.welcome(), "123456")
    assert refused.value.code == "second_factor_missing"


def test_a_clerk_needs_no_second_factor(desk: Desk) -> None:
    actor = desk.actor(desk.welcome("clerk"))
    assert may(actor, "send_reports")
    assert not may(actor, "manage_own_keys")
    assert actor.party is not None
    assert actor.party.party == "cmcc"


def test_whatever_opens_or_shuts_a_door_stands_in_the_trail(desk: Desk) -> None:
    strong, secret = desk.officer()
    officer = desk.actor(strong).name
    with pytest.raises(SignInRequiredError):
        desk.sign_in("wrong password")
    half = desk.sign_in()
    with pytest.raises(InvalidInputError):
        desk.prove(half, "no code")
    desk.prove(half, desk.code(secret))
    clerk = desk.actor(desk.welcome("clerk", "clerk@example.cn")).member
    assert clerk is not None
    key, _secret = parties.issue_key(
        desk.store, desk.clock, party="cmcc", scopes=("feed",), label="x", actor=officer
    )
    parties.revoke_key(desk.store, desk.clock, api_key=key, actor=officer)
    parties.suspend_member(desk.store, desk.clock, member=clerk.member, actor=officer)
    parties.set_party_state(desk.store, desk.clock, party="cmcc", state="suspended", actor=officer)
    trail = [(entry.action, entry.actor) for entry in reversed(audit.entries(desk.store))]
    assert [action for action, _actor in trail] == [
        "party_added", "party_added", "member_added", "member_invited", "invitation_accepted", "second_factor_set",
        "sign_in_failed", "password_given", "second_factor_failed", "signed_in", "member_added", "member_invited",
        "invitation_accepted", "key_issued", "key_revoked", "member_suspended", "party_suspended",
    ]  # fmt: skip
    assert {actor for action, actor in trail if action.startswith("key_") or "suspended" in action} == {officer}
