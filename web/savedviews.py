"""Views of a queue: what its address asks for, kept by a member under a name, and forgotten.

Rules of this room: a view is its member's own; it holds what a queue's address may hold and leads to that queue alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from web.current import registry_of
from web.parties import actor
from web.tables import Asked

MOST = 30  # views of a member per queue
_LONGEST, _LONGEST_QUERY, _MOST_WORDS = 60, 500, 30


def views(queue: str) -> Sequence[Mapping[str, Any]]:
    """The views that whoever looks keeps of a queue: name, query."""
    member = actor().member
    return registry_of().store.saved_views.of(queue, member.member) if member else []


def query(seen: Asked) -> str:
    """What a queue shows, as its address says it."""
    return urlencode({name: value for name, value in {**seen.picked, "sort": seen.order}.items() if value})


def back_to(endpoint: str) -> Response:
    """To the queue as the form saw it."""
    return redirect(f"{url_for(endpoint)}?{said()}", 303)


def keep(queue: str, endpoint: str) -> Response:
    """Keep what a queue shows under a name, or forget a view, as the form says."""
    store, member = registry_of().store, actor().member
    assert member is not None
    name, wanted = request.form.get("name", "").strip()[:_LONGEST], said()
    kept = {row["name"] for row in store.saved_views.of(queue, member.member)}
    if not name:
        flash(_("A view needs a name."), "warn")
    elif request.form.get("forget") == "yes":
        with store.writing():
            store.saved_views.forget(queue, member.member, name)
        flash(_("The view is forgotten.") if name in kept else _("No view has this name."), "ok")
    elif name not in kept and len(kept) >= MOST:
        flash(_("You keep %(most)s views already; forget one first.", most=MOST), "warn")
    else:
        with store.writing():
            store.saved_views.keep(queue, member.member, name, wanted)
        flash(_("The view is kept."), "ok")
    return back_to(endpoint)


def said() -> str:
    """What the form says that its queue shows, as words of an address and nothing else."""
    words = parse_qsl(request.form.get("query", "")[:_LONGEST_QUERY])
    return urlencode(words[:_MOST_WORDS])
