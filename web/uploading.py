"""A file that a browser sends with a form, taken in as it arrives: nothing of it ever lies on a disk in clear.

Rules of this room:
- The body is read once, in pieces, here and nowhere else: `request.form` and `request.files` stay untouched, because
  they would spool a large file into the folder for temporary files as it is (docs/adr/0021).
- The form's token comes before the file, so that what somebody else's page sends is refused before it is read.
- An upload that broke off is an error, never a shorter file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from flask import request
from flask_wtf.csrf import CSRFError, validate_csrf
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData
from wtforms.validators import ValidationError

from registry.errors import InvalidInputError

_PIECE = 256 * 1024
_HELD = 4 * _PIECE  # what may wait for the end of its part
_FORM = 64 * 1024  # fields and headers around the file
_TOKEN = "csrf_token"  # noqa: S105 - a field's name


@dataclass
class Upload:
    """A file on its way: its name as the browser says it, the fields before it. `pieces` is read once, to its end."""

    name: str
    pieces: Iterator[bytes]
    fields: dict[str, str] = field(default_factory=dict)


def upload_of(most: int) -> Upload:
    """The file of the form that is being sent; its body may have up to `most` bytes.

    Raises InvalidInputError `no_file`, `upload_cut`, `too_large`, and CSRFError where the token does not come first.
    """
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not boundary:
        raise InvalidInputError("Choose a file first.", code="no_file")
    request.max_content_length = most + _FORM
    events = _events(MultipartDecoder(boundary.encode("latin-1", "replace"), _HELD, max_parts=20))
    fields: dict[str, str] = {}
    for event in events:
        if isinstance(event, Field):
            fields[event.name] = _text(events)
        elif isinstance(event, File):
            _must_be_ours(fields.get(_TOKEN, ""))
            if not event.filename:
                break
            return Upload(event.filename, _file(events), fields)
    raise InvalidInputError("Choose a file first.", code="no_file")


def stream_of(pieces: Iterator[bytes]) -> io.BufferedReader:
    """Pieces as a file that is read once, from its beginning to its end."""
    return io.BufferedReader(_Pieces(pieces), _PIECE)


class _Pieces(io.RawIOBase):
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        size = min(len(view), len(self._left))
        view[:size], self._left = self._left[:size], self._left[size:]
        return size


def _must_be_ours(token: str) -> None:
    try:
        validate_csrf(token)
    except ValidationError as error:
        raise CSRFError(str(error)) from error


def _file(events: Iterator[Event]) -> Iterator[bytes]:
    """The file's pieces; then all that is left has to come, too."""
    yield from _data(events)
    for event in events:
        if isinstance(event, File):
            raise InvalidInputError("Send one file at a time.", code="several_files")


def _text(events: Iterator[Event]) -> str:
    """What a field holds."""
    held = bytearray()
    for piece in _data(events):
        held += piece
        if len(held) > _FORM:
            raise _too_large()
    return held.decode("utf-8", "replace")


def _data(events: Iterator[Event]) -> Iterator[bytes]:
    for event in events:
        if not isinstance(event, Data):
            break
        yield event.data
        if not event.more_data:
            return
    raise _cut()


def _events(decoder: MultipartDecoder) -> Iterator[Event]:
    """What the body consists of, in order, up to its end."""
    while True:
        try:
            event = decoder.next_event()
            if isinstance(event, NeedData):
                decoder.receive_data(request.stream.read(_PIECE) or None)
                continue
        except (ClientDisconnected, ValueError) as error:
            raise _cut() from error
        except RequestEntityTooLarge as error:
            raise _too_large() from error
        yield event
        if isinstance(event, Epilogue):
            return


def _cut() -> InvalidInputError:
    return InvalidInputError("The upload broke off before its end; send it again.", code="upload_cut")


def _too_large() -> InvalidInputError:
    return InvalidInputError("The call list is larger than one may be.", code="too_large")
