"""Evidence of people's reports, for the regulator's members: what there is, and each file under record.

Rules of this room: opening a file is written down before it is given, and is not for those who only read (auditors);
who reported stands nowhere here (rule 90).
"""

from __future__ import annotations

from flask import render_template
from werkzeug.wrappers import Response

from registry import evidencefiles
from registry.handling import of_reference
from web import guard
from web.current import registry_of
from web.officers import room
from web.parties import actor
from web.people import Page
from web.reportstates import handed_out

blueprint = room("evidencepages", __name__)


@blueprint.get("/officer/reports/<reference>/evidence")
@guard.member("see_reports")
def files(reference: str) -> Page:
    """The evidence of a report."""
    store = registry_of().store
    found = of_reference(store, reference)
    return render_template("officer/evidence.html", found=found, files=evidencefiles.files_of(store, found))


@blueprint.get("/officer/reports/<reference>/evidence/<file>")
@guard.member("open_evidence")
def open_file(reference: str, file: str) -> Response:
    """One file of evidence; that it was looked at stands in the audit trail."""
    registry = registry_of()
    made, content = evidencefiles.content_of(
        registry.store, registry.keys, registry.clock, registry.shelf, found=of_reference(registry.store, reference),
        file=file, actor=actor(),
    )  # fmt: skip
    return handed_out(made, content)
