"""SQL that pages ask of feed_edition and acknowledgement over time: lists, sums per day, the edition of a time.

Rules of this room: while two key epochs overlap, an edition and its acknowledgement are there in both. An edition
counts once, as its newest epoch has it; an acknowledgement belongs to the edition of its own epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

from registry.store.engine import Engine, Row
from registry.store.feeds import FeedEditionRow

SORTS = {"edition": "edition", "rows": "rows", "size": "bytes", "entries": "entries"}
_WINDOW = 10_000  # editions that are sorted or filtered at once: a week of full minutes
_NEWEST_EPOCH = """NOT EXISTS (SELECT 1 FROM feed_edition o WHERE o.recipient = feed_edition.recipient
    AND o.edition = feed_edition.edition AND o.epoch > feed_edition.epoch)"""


@dataclass(frozen=True)
class Said:
    """An acknowledgement and when its edition had been published (Micros), where that is still known."""

    edition: int
    epoch: int
    at: int
    agrees: bool
    content_root: bytes
    published: int | None

    @property
    def delay_s(self) -> int | None:
        """Seconds from publication to acknowledgement."""
        return None if self.published is None else max(0, (self.at - self.published) // 1_000_000)


@dataclass(frozen=True)
class FeedDay:
    """A feed on one day (whole days since 1970, local): sums of its editions, and entries after the last of them."""

    day: int
    editions: int
    changes: int
    change_bytes: int
    bytes: int
    entries: int


class FeedHistory:
    """What a recipient was offered and what it said, over time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def editions(
        self, *, recipient: str, kind: str = "", upto: int | None = None, sort: str = "edition",
        descending: bool = True, limit: int, after: int = 0,
    ) -> tuple[FeedEditionRow, ...]:
        """Editions of a feed, up to one of them, of one kind of file or of all, sorted by a word of `SORTS`.

        Only the newest 10,000 of them are looked at; `after` skips so many.
        """  # fmt: skip
        way = "DESC" if descending else "ASC"
        rows = self._engine.rows(
            f"""SELECT * FROM (SELECT * FROM feed_edition WHERE recipient = :recipient AND edition <= :upto
                        AND {_NEWEST_EPOCH} ORDER BY edition DESC LIMIT {_WINDOW}) AS newest
                WHERE :kind = '' OR '+' || kind || '+' LIKE '%+' || :kind || '+%'
                ORDER BY {SORTS[sort]} {way}, edition {way} LIMIT :limit OFFSET :after""",  # noqa: S608 - fixed words
            recipient=recipient, upto=2**62 if upto is None else upto, kind=kind, limit=limit, after=after,
        )
        return tuple(offered(row) for row in rows)

    def edition_at(self, *, recipient: str, at: int) -> int | None:
        """The newest edition that a recipient had been offered at a time (Micros)."""
        row = self._engine.row(
            "SELECT MAX(edition) AS edition FROM feed_edition WHERE recipient = :recipient AND published <= :at",
            recipient=recipient, at=at,
        )
        return int(row["edition"]) if row and row["edition"] is not None else None

    def days(self, *, recipient: str, since: int, until: int, offset: int) -> tuple[FeedDay, ...]:
        """A feed by days for [since, until) (Micros); `offset` is what local time is ahead by. Quiet days miss."""
        rows = self._engine.rows(
            f"""SELECT d.day, d.editions, d.changes, d.change_bytes, d.bytes, f.entries
               FROM (SELECT (published + :offset) / 86400000000 AS day, COUNT(*) AS editions,
                         CAST(SUM(changes) AS BIGINT) AS changes, CAST(SUM(change_bytes) AS BIGINT) AS change_bytes,
                         CAST(SUM(bytes) AS BIGINT) AS bytes, MAX(edition) AS last
                     FROM feed_edition
                     WHERE recipient = :recipient AND published >= :since AND published < :until
                         AND {_NEWEST_EPOCH}
                     GROUP BY (published + :offset) / 86400000000) d
               JOIN (SELECT edition, entries FROM feed_edition WHERE recipient = :recipient AND {_NEWEST_EPOCH}) f
               ON f.edition = d.last ORDER BY d.day""",  # noqa: S608 - fixed words
            recipient=recipient, since=since, until=until, offset=offset,
        )
        return tuple(FeedDay(**{name: int(value) for name, value in row.items()}) for row in rows)

    def entries_before(self, *, recipient: str, at: int) -> int:
        """Entries after the last edition that was published before a time (Micros); 0 where there was none."""
        row = self._engine.row(
            """SELECT entries FROM feed_edition WHERE recipient = :recipient AND published < :at
               ORDER BY published DESC, edition DESC LIMIT 1""",
            recipient=recipient, at=at,
        )
        return int(row["entries"]) if row else 0

    def said(
        self, *, recipient: str, agrees: bool | None = None, before: int | None = None, limit: int
    ) -> tuple[Said, ...]:
        """Acknowledgements of a recipient from before an edition on, newest first; of two key epochs both.

        `agrees`: only those that (dis)agree.
        """
        only = "" if agrees is None else "AND a.agrees = :agrees"
        values = {} if agrees is None else {"agrees": int(agrees)}
        rows = self._engine.rows(
            f"""SELECT a.edition, a.epoch, a.at, a.agrees, a.content_root, f.published FROM acknowledgement a
                LEFT JOIN feed_edition f ON f.recipient = a.recipient AND f.edition = a.edition AND f.epoch = a.epoch
                WHERE a.recipient = :recipient AND a.edition < :before {only}
                ORDER BY a.edition DESC, a.epoch DESC LIMIT :limit""",  # noqa: S608 - fixed words
            recipient=recipient, before=2**62 if before is None else before, limit=limit, **values,
        )
        return tuple(Said(**{**row, "agrees": bool(row["agrees"])}) for row in rows)


def offered(row: Row) -> FeedEditionRow:
    """The edition of a row of feed_edition."""
    return FeedEditionRow(**{("size" if name == "bytes" else name): value for name, value in row.items()})
