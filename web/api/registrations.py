"""Registrations of numbers, proved by a code: `POST /api/v1/registrations`."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from flask import Blueprint, Response

from registry import registrations
from registry.errors import InvalidInputError
from registry.numbers import parse_one
from registry.preferences import EVERYTHING, Category, Channel, Preference, category_of, describe, make, quiet_of
from registry.sealing import seal_one
from registry.verification import check_code
from web.api.edge import Operation, answer, operation, read
from web.api.messages import Categories, PreferenceMessage, RegistrationAnswer, RegistrationRequest
from web.current import address_of, registry_of
from web.guard import public

blueprint = Blueprint("registrations", __name__)

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNUSABLE = frozenset({"code_missing", "code_expired", "code_used"})


@blueprint.post("/api/v1/registrations")
@operation(Operation(
    summary="Register a number",
    chinese="登记号码",
    tag="people",
    request=RegistrationRequest,
    answers={201: RegistrationAnswer},
    problems=(400, 413, 415, 422, 429, 503),
    says="A number that is registered already gets the new preference. A guess of the code stays spent.",
))
@public
def register() -> Response:
    """Register a number whose code is right."""
    wanted = read(RegistrationRequest)
    registry = registry_of()
    number = parse_one(wanted.number, registry.plan, country=registry.settings.numbers.country)
    preference = EVERYTHING if wanted.preference == "everything" else preference_of(wanted.preference)
    try:
        check_code(
            registry.store, registry.keys, registry.clock, registry.settings, number=number, purpose="register",
            code=wanted.code, address=address_of(),
        )
    except InvalidInputError as error:
        if error.code in _UNUSABLE:  # which of them it is says whether somebody asked for a code lately
            raise InvalidInputError(error.detail, code="code_unusable") from None
        raise
    made = registrations.register(
        registry.store, registry.clock, number=seal_one(registry.keys.at_rest, number), preference=preference,
        source="api", language=wanted.language,
    )
    said = RegistrationAnswer(
        number=number.masked, state="active", preference=message_of(made.preference), since=made.since
    )
    return answer(said, 201)


def preference_of(message: PreferenceMessage) -> Preference:
    """The preference that a message says."""
    quiet = message.quiet
    return make(
        {
            Channel.CALLS: _categories(message.calls),
            Channel.ROBOCALLS: _categories(message.robocalls),
            Channel.MESSAGES: _categories(message.messages),
        },
        quiet_of(quiet.hours, (_DAYS.index(day) for day in quiet.weekdays), holidays=quiet.holidays),
    )


def message_of(preference: Preference) -> PreferenceMessage:
    """The message that says a preference."""
    said = describe(preference)
    declined = {
        channel.slug: "all" if len(categories) == len(Category) else [category.slug for category in categories]
        for channel, categories in said.channels
    }
    quiet = {
        "hours": [hour for hour in range(24) if preference.quiet >> hour & 1],
        "weekdays": [_DAYS[day] for day in said.weekdays],
        "holidays": said.holidays,
    }
    return msgspec.convert({**declined, "quiet": quiet}, PreferenceMessage)


def _categories(said: Categories) -> Iterable[Category]:
    return Category if said == "all" else [category_of(slug) for slug in said]
