"""Tables that sort, filter and page by their address, so that what one sees can be linked to and needs no script.

Rules of this room: an unknown word in an address counts as not said; a link keeps everything else that was asked for;
the first click on a column of numbers puts the largest on top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import request, url_for
from markupsafe import Markup

T = TypeVar("T")

_LONGEST = 60
_FARTHEST = 2**62


@dataclass(frozen=True)
class Asked:
    """What an address asks of a table: the column it sorts by, what is picked by filter, the place it starts at."""

    sort: str
    descending: bool
    usual: str
    picked: Mapping[str, str]
    places: Mapping[str, int | None]

    def __getitem__(self, name: str) -> str:
        return self.picked[name]

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter leaves something out."""
        return any(self.picked.values())

    @property
    def order(self) -> str:
        """The order as it stands in the address; empty for the usual one."""
        said = f"-{self.sort}" if self.descending else self.sort
        return "" if said == self.usual else said

    def link(self, **changes: Any) -> str:
        """The address of the same page with something changed; places (pages) are kept only where they are given."""
        said = {**self.picked, "sort": self.order} | changes
        values = {name: value for name, value in said.items() if value not in ("", None)}
        return url_for(request.endpoint or "", **{**(request.view_args or {}), **values})

    def head(self, column: str, text: str, *, n: bool = False, wrap: bool = False) -> Markup:
        """A column's head that sorts by it, and says so to screen readers."""
        here = column == self.sort
        down = not self.descending if here else n
        order = f"-{column}" if down else column
        said = Markup(' aria-sort="{}"').format("descending" if self.descending else "ascending") if here else ""
        arrow = Markup(' <span aria-hidden="true">{}</span>').format("↓" if self.descending else "↑") if here else ""
        kind = " ".join(name for name, wanted in (("n", n), ("wrap", wrap)) if wanted)
        return Markup('<th scope="col"{}{}><a href="{}">{}{}</a></th>').format(
            Markup(' class="{}"').format(kind) if kind else "", said,
            self.link(sort="" if order == self.usual else order), text, arrow,
        )  # fmt: skip

    def sorted(self, rows: Iterable[T], keys: Mapping[str, Callable[[T], Any]]) -> list[T]:
        """Rows in the order asked for; those without a value (None) come last either way."""
        key = keys[self.sort]
        there = [row for row in rows if key(row) is not None]
        none = [row for row in rows if key(row) is None]
        return [*sorted(there, key=key, reverse=self.descending), *none]


def asked(
    sorts: Iterable[str] = (), usual: str = "", *, texts: Sequence[str] = (), places: Sequence[str] = (),
    **filters: Sequence[str],
) -> Asked:
    """What the request's address asks of a table.

    `sorts` are the columns that sort, `usual` the order without a word (`-edition`: descending); `filters` name their
    known values, `texts` are free; `places` are whole numbers.
    """  # fmt: skip
    said = request.args.get("sort", usual)
    column = said.removeprefix("-")
    if column not in set(sorts):
        said, column = usual, usual.removeprefix("-")
    picked = {name: value if (value := request.args.get(name, "")) in known else "" for name, known in filters.items()}
    picked |= {name: request.args.get(name, "").strip()[:_LONGEST] for name in texts}
    return Asked(column, said.startswith("-"), usual, picked, {name: _place(name) for name in places})


def _place(name: str) -> int | None:
    value = request.args.get(name, type=int)
    return value if value is not None and 0 <= value < _FARTHEST else None
