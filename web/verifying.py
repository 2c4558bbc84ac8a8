"""The public page on which anybody checks a receipt, or the proof of one answer: `/verify`.

Rules of this room: nothing of what is brought here is stored or logged; it is bounded, checked by the public keys
alone, and shown only where its signature is right; a number is shown only by a proof that is about it.
"""

from __future__ import annotations

from flask import Blueprint, render_template, request

from registry import receiptchecks
from registry.errors import InvalidInputError
from registry.receiptkeys import public_keys
from web import guard
from web.current import registry_of
from web.people import Page
from web.receiptforms import MOST, VerifyForm
from web.receiptwords import receipt_problem

blueprint = Blueprint("verifying", __name__)


@blueprint.route("/verify", methods=["GET", "POST"])
@guard.public
def verify() -> Page:
    """Check a receipt or a proof."""
    registry = registry_of()
    keys = public_keys(registry.store, registry.receipt_keys)
    form, checked, wrong = VerifyForm(), None, ""
    if request.method == "POST" and form.validate():
        content = form.content()
        try:
            if len(content) > MOST:
                raise InvalidInputError("This file is too large for a receipt.", code="receipt_too_large")
            checked = receiptchecks.check(content, keys, now=registry.clock.now())
        except InvalidInputError as error:
            wrong = receipt_problem(error)
    failed = request.method == "POST" and checked is None
    form.text.data = ""  # what was brought is not sent back
    page = render_template("receipts/verify.html", form=form, keys=keys, checked=checked, wrong=wrong)
    return page, 422 if failed else 200
