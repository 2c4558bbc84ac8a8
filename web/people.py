"""Pages of people: prove a number, choose what to decline, see, change and withdraw it.

Rules of this room: a number is in no address and, between two pages, only sealed in the signed cookie; until the code
is right no page tells whether a number is registered (DESIGN §9); every POST that succeeds ends in a redirect.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import access, registrations
from registry.errors import (
    InvalidInputError,
    NotFoundError,
    RegistryError,
    SignInRequiredError,
    TooManyError,
    UnavailableError,
)
from registry.numbers import Number, parse_one
from registry.preferences import EVERYTHING, NIGHT, describe
from registry.sealing import SealedNumber, seal_one, unseal_one
from registry.verification import ask_code, check_code
from web import figures, guard
from web.current import address_of, language_of, registry_of
from web.forms import AsOfForm, ChoiceForm, CodeForm, NumberForm
from web.labels import problem_sentence

blueprint = Blueprint("people", __name__)

SOURCE = "web"
_FLOW = "proving"  # in the form session: the sealed number, the purpose, where to go on
_REFUSALS = (InvalidInputError, TooManyError, UnavailableError)
_LOCAL = re.compile(r"/(?!/)[^\x00-\x20\x7f\\]*")  # browsers drop tabs and take a backslash for a slash: `/\t/evil.cn`
Page = str | tuple[str, int] | Response


def own_number() -> SealedNumber:
    """The number that the person at the screen has proved. Raises SignInRequiredError."""
    number = guard.actor_of_request().number
    if number is None:
        raise SignInRequiredError("Please prove your number first.", code="sign_in_person")
    return number


def masked(number: SealedNumber) -> str:
    """How a number is shown."""
    return unseal_one(registry_of().keys.at_rest, number).masked


def status_of(error: RegistryError) -> int:
    """The status of a form that is shown again."""
    return 429 if isinstance(error, TooManyError) else 503 if isinstance(error, UnavailableError) else 422


def to_sign_in(_error: Exception) -> Response:
    """Nobody has proved a number yet: do that, and come back."""
    back = request.path if request.method == "GET" else url_for("people.my_number")
    return redirect(url_for("people.sign_in", next=back), 303)


blueprint.register_error_handler(SignInRequiredError, to_sign_in)


# proving a number


@blueprint.route("/register", methods=["GET", "POST"])
@guard.public
def register() -> Page:
    """Step 1: which number; a code goes to it."""
    return _ask("register", NumberForm(), url_for("people.register"), url_for("people.choose"))


@blueprint.route("/my-number/sign-in", methods=["GET", "POST"])
@guard.public
def sign_in() -> Page:
    """Which number is to be seen or changed; a code goes to it."""
    back = local_path(request.args.get("next", "")) or url_for("people.my_number")
    return _ask("sign-in", NumberForm(), url_for("people.sign_in", next=back), back)


def local_path(address: str) -> str:
    """An address if it is a path of this site, else an empty text."""
    return address if _LOCAL.fullmatch(address) else ""


def _ask(purpose: str, form: NumberForm, action: str, onward: str) -> Page:
    """Read a number and send it a code, or show the form (again)."""
    status = 200
    if request.method == "POST":
        status = 422
        if form.validate():
            registry = registry_of()
            try:
                number = parse_one(
                    form.number.data or "", registry.plan, country=registry.settings.numbers.country
                )
                _send(number, purpose)
            except _REFUSALS as error:
                form.blame(error, "number")
                status = status_of(error)
            else:
                session[_FLOW] = {
                    "number": seal_one(registry.keys.at_rest, number).hex(), "purpose": purpose, "onward": onward,
                }
                return redirect(url_for("people.code"), 303)
    return render_template("register.html", form=form, purpose=purpose, action=action), status


def _send(number: Number, purpose: str) -> None:
    registry = registry_of()
    ask_code(
        registry.store, registry.keys, registry.clock, registry.sms, registry.plan, registry.settings,
        number=number, purpose=purpose, address=address_of(), language=language_of(),
    )


def _proving() -> tuple[Number, str, str] | None:
    """The number that is being proved, why, and where to go on; None where nobody asked for a code."""
    flow = session.get(_FLOW)
    if not flow:
        return None
    number = unseal_one(registry_of().keys.at_rest, SealedNumber(bytes.fromhex(flow["number"])))
    return number, flow["purpose"], flow["onward"]


@blueprint.route("/code", methods=["GET", "POST"])
@guard.public
def code() -> Page:
    """Step 2: the code from the text message."""
    proving = _proving()
    if proving is None:
        return redirect(url_for("public.home"), 303)
    number, purpose, onward = proving
    form, status = CodeForm(), 200
    registry = registry_of()
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                check_code(
                    registry.store, registry.keys, registry.clock, registry.settings, number=number, purpose=purpose,
                    code=form.code.data or "", address=address_of(),
                )
            except _REFUSALS as error:
                form.blame(error, "code")
                status = status_of(error)
            else:
                return _signed_in(number, onward)
        form.code.data = ""
    settings = registry.settings
    page = render_template(
        "code.html", form=form, purpose=purpose, masked=number.masked, minutes=settings.codes.minutes,
        embedded=settings.sms.gateway == "console",
    )
    return page, status


def _signed_in(number: Number, onward: str) -> Response:
    registry = registry_of()
    if before := guard.session_token():
        access.close_session(registry.store, before)
    minutes = registry.settings.site.person_minutes
    token = access.open_session(
        registry.store, registry.clock, kind="person", number=seal_one(registry.keys.at_rest, number), minutes=minutes
    )
    response = redirect(onward, 303)
    guard.remember(response, token, minutes=minutes)
    return response


@blueprint.post("/code/again")
@guard.public
def code_again() -> Response:
    """Send a new code; the old one ends."""
    proving = _proving()
    if proving is None:
        return redirect(url_for("public.home"), 303)
    number, purpose, _onward = proving
    try:
        _send(number, purpose)
    except _REFUSALS as error:
        flash(problem_sentence(error), "warn")
    else:
        flash(_("A new code is on its way. The old one is void."), "ok")
    return redirect(url_for("people.code"), 303)


@blueprint.post("/my-number/sign-out")
@guard.public
def sign_out() -> Response:
    """Forget who is at the screen."""
    response = redirect(url_for("public.home"), 303)
    guard.forget(response)
    return response


# choosing


@blueprint.route("/my-number/choose", methods=["GET", "POST"])
@guard.person
def choose() -> Page:
    """Step 3: everything with one press, or by industry, way and time."""
    registry, number = registry_of(), own_number()
    now = registrations.current(registry.store, number)
    said = describe(now.preference) if now and now.is_active else None
    form, status = ChoiceForm(formdata=_chosen_form()), 200
    if request.method == "POST":
        everything = request.form.get("choice") == "everything"
        status = 422
        if everything or form.validate():
            preference = EVERYTHING if everything else form.preference()
            try:
                registrations.register(
                    registry.store, registry.clock, number=number, preference=preference, source=SOURCE,
                    language=language_of(),
                )
            except InvalidInputError as error:
                form.blame(error)
            else:
                return redirect(url_for("people.done"), 303)
    else:
        form.show(said or describe(EVERYTHING if now else _SUGGESTED))
    page = render_template(
        "choose.html", form=form, said=said, masked=masked(number), opened=status != 200 or _by_hand(said)
    )
    return page, status


_SUGGESTED = type(EVERYTHING)(0, 0, 0, NIGHT)  # nobody is told which industries to decline; the night is usual


def _chosen_form() -> Any:
    """What to fill the form from: what was sent, unless that was the big button."""
    return request.form if request.method == "POST" and request.form.get("choice") != "everything" else None


def _by_hand(said: Any) -> bool:
    """Whether somebody has chosen something else than everything before."""
    return bool(said) and not (said.everything and not (said.hours or said.weekdays or said.holidays))


@blueprint.get("/my-number/done")
@guard.person
def done() -> Page:
    """What happens next: the edition, and which carriers have it."""
    registry, number = registry_of(), own_number()
    now = registrations.current(registry.store, number)
    if now is None:
        return redirect(url_for("people.my_number"), 303)
    return render_template(
        "done.html", withdrawn=not now.is_active, said=describe(now.preference), masked=masked(number),
        spread=figures.spread(registry, number),
    )


# seeing, withdrawing


@blueprint.get("/my-number")
@guard.person
def my_number() -> Page:
    """What a number declines, and which carriers know."""
    registry, number = registry_of(), own_number()
    now = registrations.current(registry.store, number)
    return render_template(
        "my_number.html", masked=masked(number), registration=now,
        said=describe(now.preference) if now and now.is_active else None,
        spread=figures.spread(registry, number) if now else None,
    )


@blueprint.route("/my-number/withdraw", methods=["GET", "POST"])
@guard.person
def withdraw() -> Page:
    """End the registration, after one question."""
    registry, number = registry_of(), own_number()
    if request.method == "POST":
        try:
            registrations.withdraw(registry.store, registry.clock, number=number, source=SOURCE)
        except NotFoundError:
            return redirect(url_for("people.my_number"), 303)
        return redirect(url_for("people.done"), 303)
    now = registrations.current(registry.store, number)
    if now is None or not now.is_active:
        return redirect(url_for("people.my_number"), 303)
    return render_template("withdraw.html", masked=masked(number))


@blueprint.get("/my-number/history")
@guard.person
def history() -> Page:
    """Everything that happened to a registration, and what it declined at any moment."""
    registry, number = registry_of(), own_number()
    form = AsOfForm(formdata=request.args)
    form.validate()
    events = registrations.history(registry.store, number)
    asked = as_utc(form.at.data) if form.at.data and not form.at.errors else None
    then, _before = registrations.standing_at(events, asked) if asked else (None, None)
    shown = [
        {
            "event": event.event, "at": event.at, "source": event.source,
            "said": None if event.preference.nothing else describe(event.preference),
        }
        for event in reversed(events)
    ]
    page = render_template(
        "history.html", form=form, masked=masked(number), events=shown, asked=asked,
        then=describe(then.preference) if then and not then.preference.nothing else None,
    )
    return page, 422 if form.errors else 200


def as_utc(wall: datetime) -> datetime:
    """The moment that a wall clock of the registry's zone shows."""
    return wall.replace(tzinfo=ZoneInfo(registry_of().settings.numbers.zone))
