"""The forms of receipts: which file is to be checked, for which number a proof is wanted.

Rules of this room: as in `forms`; a file is bounded before it is read, and read into memory only.
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf.file import FileField
from wtforms import StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from web.forms import Form

MOST = 60_000  # bytes of a receipt or proof file on a page; real ones have some thousand


class VerifyForm(Form):
    """A receipt or proof, as a file or pasted."""

    file = FileField(
        _("Receipt or proof"), description=_("The file as you were given it, ending in .json; at most 60 kB"),
        render_kw={"accept": ".json,application/json"},
    )  # fmt: skip
    text = TextAreaField(
        _("Or paste its text"), [Optional(), Length(max=MOST, message=_("This is too long for a receipt."))],
        render_kw={"rows": 5, "spellcheck": "false", "autocomplete": "off"},
    )  # fmt: skip

    def content(self) -> bytes:
        """What was given, at most one byte more than may be; empty where nothing was."""
        if self.file.data:
            return bytes(self.file.data.read(MOST + 1))
        return (self.text.data or "").strip().encode("utf-8", "replace")


class ProofForm(Form):
    """The number whose answer is to be proved."""

    number = StringField(
        _("Phone number"), [InputRequired(_("Please fill this in."))], description=_("For example 138 0013 8000"),
        render_kw={"autocomplete": "off", "inputmode": "tel"},
    )  # fmt: skip
