"""How a scrub is asked for on pages: the file, then which column, which kind of contact, for whom and when.

Rules of this room:
- A file is sealed as it arrives (`uploading`), and is looked at where it lies; what is shown of it is masked.
- Whatever is wrong is said beside the form with what to do, and a file that came is not asked for again.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from registry import scrubasks, scrubfiles, scrubjobs
from registry.calllists import files
from registry.calllists.calllist import CallList, stored
from registry.calllists.limits import Limits
from registry.errors import ConflictError, InvalidInputError, NotFoundError, RegistryError
from registry.logs import MARK, without_numbers
from registry.numbers import NumberError, parse_one
from registry.preferences import Category, Channel
from registry.scrubjobs import Ask, Part, ScrubJob
from web import guard, principals, scrubwords
from web.api.arriving import work_folder
from web.current import registry_of
from web.forms import choices
from web.parties import actor, own_party, room
from web.people import Page
from web.scrubforms import ListForm
from web.scrubs import own_job
from web.uploading import upload_of

blueprint = room("scrubasking", __name__)

_SHOWN_ROWS, _SHOWN_COLUMNS, _CELL = 5, 12, 40
_OF_THE_FORM = frozenset({"no_such_column", "header_only"})  # the file may be good, and what was said of it wrong
_AS_IT_IS: Ask = Ask(Channel.CALLS, Category.OTHER)


@dataclass(frozen=True)
class Preview:
    """The first lines of a call list, masked: `columns` are (place from 1, name, whether it looks like numbers)."""

    columns: list[tuple[int, str, bool]]
    rows: list[list[str]]
    more: int  # columns that are not shown


# 1: the file


@blueprint.get("/party/scrubs/new")
@guard.member("scrub")
def new() -> Page:
    """Step 1: which file."""
    return _file_page()


def _file_page(problem: str = "", status: int = 200) -> Page:
    return render_template("scrub/new.html", problem=problem, most=_most()), status


def _most() -> int:
    """How many bytes a list may have."""
    return registry_of().settings.scrubs.max_bytes


@blueprint.post("/party/scrubs/new")
@guard.member("scrub")
def send() -> Page:
    """Take the file in; the form's token is looked at as the body comes (`uploading`)."""
    try:
        job = _taken_in()
    except RegistryError as error:
        if not isinstance(error, InvalidInputError | ConflictError):
            raise
        return _file_page(scrubwords.scrub_problem(error.code), 413 if error.code == "too_large" else 422)
    return redirect(url_for("scrubasking.ask", scrub=job.scrub), 303)


def _taken_in() -> ScrubJob:
    registry, settings = registry_of(), registry_of().settings.scrubs
    upload = upload_of(_most())
    job = scrubjobs.begin(
        registry.store, registry.clock, settings, actor=actor(), ask=_begun_with(), name=upload.name, origin="page"
    )
    try:
        size, sha256 = scrubfiles.store_part(
            registry.shelf, registry.keys, work_folder(), name=scrubfiles.part_name(job.scrub, 1),
            source=upload.pieces, length=None, most=_most(),
        )
        if not size:
            raise InvalidInputError("The file is empty.", code="empty_list")
        scrubjobs.add_part(registry.store, job=job, part=Part(1, size, sha256))
        scrubasks.wait_for_ask(registry.store, registry.clock, settings, job=job)
    except BaseException:
        _forget(job)
        raise
    return job


def _forget(job: ScrubJob) -> None:
    """Cancel a scrub that was not sent off, and delete its file."""
    registry = registry_of()
    scrubjobs.cancel(registry.store, registry.clock, job=job, actor=actor())
    scrubfiles.delete(registry.shelf, job.scrub)


def _begun_with() -> Ask:
    """What the party asked last, until it says what it asks now."""
    last = scrubjobs.jobs_of(registry_of().store, party=own_party().party, limit=1)
    country = registry_of().settings.numbers.country
    before = last[0].ask if last else _AS_IT_IS
    return Ask(before.channel, before.category, "", before.on_behalf, None, before.country if last else country)


# 2: what is asked


@blueprint.route("/party/scrubs/<scrub>/ask", methods=["GET", "POST"])
@guard.member("scrub")
def ask(scrub: str) -> Page:
    """Step 2: which column holds the numbers, and what the list is checked for."""
    job = own_job(scrub)
    if job.state != "uploading":
        return redirect(url_for("scrubs.one", scrub=scrub), 303)
    form, status, problem = _form(job), 200, ""
    try:
        found = _looked_at(job, form)
    except (InvalidInputError, NotFoundError) as error:  # nothing can be done with this file
        _forget(job)
        return _file_page(scrubwords.scrub_problem(error.code), 422)
    _offer_columns(form, found)
    if request.method == "POST" and "look" not in request.form:
        status = 422
        if form.validate():
            try:
                return _submitted(job, form, found)
            except (InvalidInputError, ConflictError) as error:
                form.blame(error)
    elif found.column is None:
        problem = scrubwords.scrub_problem("two_number_columns" if found.candidates else "no_number_column")
    page = render_template(
        "scrub/ask.html", form=form, job=job, found=found, problem=problem, preview=_preview(found),
        campaigns=registry_of().store.scrub_jobs.campaigns(job.party, limit=20),
    )
    return page, status


def _form(job: ScrubJob) -> ListForm:
    form, own = ListForm(), registry_of().settings.numbers.country
    form.offer(principals.choices_of(own_party()))
    form.offer_countries(own)
    if request.method == "GET":
        form.country.data = job.ask.country
        if job.again or _has_asked():
            form.show(job.ask)
        form.campaign.data = job.ask.campaign
    return form


def _has_asked() -> bool:
    return len(scrubjobs.jobs_of(registry_of().store, party=own_party().party, limit=2)) > 1


def _looked_at(job: ScrubJob, form: ListForm) -> CallList:
    """How the list is laid out, as far as the form does not say otherwise."""
    registry = registry_of()
    column = form.column.data if form.column.raw_data else job.ask.wanted
    header = {"yes": True, "no": False}.get(form.headed.data or "")
    parts = registry.store.scrub_jobs.parts(job.scrub)
    country = form.country.data or job.ask.country
    with scrubfiles.call_list(registry.shelf, registry.keys, job, parts) as file:
        try:
            return files.inspect(
                file, job.name, registry.plan, country=country, wanted=column or None, header=header, asking=True,
                limits=_limits(),
            )
        except InvalidInputError as error:
            if error.code not in _OF_THE_FORM:
                raise
            file.seek(0)
            return files.inspect(file, job.name, registry.plan, country=country, asking=True, limits=_limits())


def _limits() -> Limits:
    settings = registry_of().settings.scrubs
    return Limits(workbook=settings.xlsx_bytes, held=settings.xlsx_bytes, unpacked=settings.unpacked_bytes)


def _offer_columns(form: ListForm, found: CallList) -> None:
    form.column.choices = choices(
        *([] if found.column is not None else [("", "–")]),
        *((str(place + 1), _column(found, place)) for place in range(found.width)),
    )
    if not form.column.raw_data or request.method == "GET":
        form.column.data = "" if found.column is None else str(found.column + 1)
    if form.headed.data not in ("yes", "no"):
        form.headed.data = "no" if found.header is None else "yes"


def _column(found: CallList, place: int) -> str:
    """A column in words: its place, its name, or what stands in its first line."""
    name = found.header[place] if found.header and place < len(found.header) else ""
    if name.strip():
        return str(_("Column %(place)s: %(name)s", place=place + 1, name=masked(name)))
    first = next((row[place] for row in found.rows if place < len(row) and row[place].strip()), "")
    return str(_("Column %(place)s (%(first)s)", place=place + 1, first=masked(first) or "–"))


def _submitted(job: ScrubJob, form: ListForm, found: CallList) -> Page:
    registry = registry_of()
    asked = form.ask(campaign=form.campaign.data or "", country=form.country.data, wanted=form.column.data)
    job = scrubasks.ask_for(
        registry.store, registry.clock, registry.settings.scrubs, job=job, ask=asked, found=stored(found),
        keep=bool(form.keep.data),
    )
    scrubjobs.submit(registry.store, registry.clock, registry.settings.scrubs, job=job)
    return redirect(url_for("scrubs.one", scrub=job.scrub), 303)


# what is shown of a file


def masked(text: str) -> str:
    """A cell for a screen: numbers by their ends alone, everything else cut short."""
    text = " ".join(text.split())[:_CELL]
    try:
        return parse_one(text, registry_of().plan).masked
    except NumberError:
        return without_numbers(text).replace(MARK, "•••")


def _preview(found: CallList) -> Preview:
    width = min(found.width, _SHOWN_COLUMNS)
    names = found.header or ()
    columns = [
        (place + 1, masked(names[place]) if place < len(names) else "", place in found.candidates)
        for place in range(width)
    ]
    rows = [
        [masked(row[place]) if place < len(row) else "" for place in range(width)]
        for row in found.rows[:_SHOWN_ROWS]
    ]
    return Preview(columns, rows, found.width - width)


@blueprint.post("/party/scrubs/<scrub>/discard")
@guard.member("scrub")
def discard(scrub: str) -> Page:
    """Forget a file that was not sent off."""
    job = own_job(scrub)
    if job.state == "uploading":
        _forget(job)
        flash(_("The file was deleted."), "ok")
    return redirect(url_for("scrubs.overview"), 303)
