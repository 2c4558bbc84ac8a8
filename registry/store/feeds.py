"""SQL about feed_edition, acknowledgement, carrier_key: what recipients were offered, and what they say they have."""

from __future__ import annotations

from dataclasses import dataclass

from registry.store.engine import Engine, Row


@dataclass(frozen=True)
class Recipient:
    """A carrier that follows a feed: party id, number in list files, `home` or `national` scope.

    `resellers` follow through it, so that their numbers are in its home feed; `sandbox`: it gets magic numbers only.
    """

    party: str
    ordinal: int
    scope: str
    resellers: tuple[str, ...] = ()
    sandbox: bool = False

    @property
    def carriers(self) -> frozenset[str] | None:
        """Whose numbers are in its feed; None for everybody's. Nobody's real numbers are ever in a sandbox feed."""
        if self.sandbox:
            return frozenset()
        return None if self.scope == "national" else frozenset((self.party, *self.resellers))

    def is_told_of(self, *carriers: str | None) -> bool:
        """Whether a number on the lists of these concerns it; one text may name several, with blanks between."""
        return self.carriers is None or any(not self.carriers.isdisjoint((text or "").split()) for text in carriers)


@dataclass(frozen=True)
class FeedEditionRow:
    """One edition in one recipient's feed: files (`rows`, `size` in bytes) and what they come to. Micros.

    `changes`, `change_bytes`: rows and bytes of its change set alone, all that a follower who keeps up fetches.
    """

    recipient: str
    edition: int
    kind: str
    rows: int
    size: int
    entries: int
    content_root: bytes
    exceptions_root: bytes
    published: int
    changes: int = 0
    change_bytes: int = 0
    epoch: int = 1


@dataclass(frozen=True)
class AcknowledgementRow:
    """What a recipient said of an edition; `agrees` whether its roots are ours. Micros."""

    recipient: str
    edition: int
    content_root: bytes
    exceptions_root: bytes
    at: int
    agrees: bool
    epoch: int = 1


class Feeds:
    """Rows of feed_edition, acknowledgement, carrier_key, and the carriers that follow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # who follows

    def recipients(self) -> tuple[Recipient, ...]:
        """The active carriers that follow by themselves, in the order of their ordinals."""
        rows = self._engine.rows(
            """SELECT party, ordinal, scope, sandbox FROM party
               WHERE kind = 'carrier' AND state = 'active' AND follows != 'host' ORDER BY ordinal"""
        )
        hosted: dict[str, list[str]] = {}
        for row in self._engine.rows(
            "SELECT party, host FROM party WHERE host != '' AND follows != 'self' ORDER BY party"
        ):
            hosted.setdefault(row["host"], []).append(row["party"])
        return tuple(
            Recipient(**{**row, "sandbox": bool(row["sandbox"])}, resellers=tuple(hosted.get(row["party"], ())))
            for row in rows
        )

    def ordinals(self) -> dict[int, str]:
        """All parties by the number that stands for them in list files."""
        rows = self._engine.rows("SELECT ordinal, party FROM party ORDER BY ordinal")
        return {int(row["ordinal"]): str(row["party"]) for row in rows}

    # what was offered

    def put_edition(self, row: FeedEditionRow) -> None:
        """Keep what a recipient was offered; of one edition and key epoch once, a repetition counts as the same."""
        self._engine.run(
            """INSERT INTO feed_edition (recipient, edition, epoch, kind, rows, bytes, entries, content_root,
                                         exceptions_root, published, changes, change_bytes)
               VALUES (:recipient, :edition, :epoch, :kind, :rows, :size, :entries, :content_root, :exceptions_root,
                       :published, :changes, :change_bytes)
               ON CONFLICT (recipient, edition, epoch) DO UPDATE SET kind = excluded.kind, rows = excluded.rows,
                   bytes = excluded.bytes, entries = excluded.entries, content_root = excluded.content_root,
                   exceptions_root = excluded.exceptions_root, changes = excluded.changes,
                   change_bytes = excluded.change_bytes""",
            **vars(row),
        )

    def edition(self, *, recipient: str, edition: int, epoch: int | None = None) -> FeedEditionRow | None:
        """What a recipient was offered as one edition, in a key epoch (by default the newest that has it)."""
        found = self.offered(recipient=recipient, edition=edition)
        return next((row for row in found if epoch is None or row.epoch == epoch), None)

    def offered(self, *, recipient: str, edition: int) -> tuple[FeedEditionRow, ...]:
        """What a recipient was offered as one edition, in every key epoch that has it, the newest first."""
        rows = self._engine.rows(
            "SELECT * FROM feed_edition WHERE recipient = :recipient AND edition = :edition ORDER BY epoch DESC",
            recipient=recipient, edition=edition,
        )
        return tuple(_offered(row) for row in rows)

    def newest_edition(self, recipient: str) -> int:
        """The newest edition that a recipient was offered; 0 where there is none."""
        row = self._engine.row(
            "SELECT COALESCE(MAX(edition), 0) AS edition FROM feed_edition WHERE recipient = :recipient",
            recipient=recipient,
        )
        assert row is not None
        return int(row["edition"])

    def editions(self, *, recipient: str, limit: int) -> tuple[FeedEditionRow, ...]:
        """The newest editions of a feed, newest first."""
        rows = self._engine.rows(
            "SELECT * FROM feed_edition WHERE recipient = :recipient ORDER BY edition DESC, epoch DESC LIMIT :limit",
            recipient=recipient, limit=limit,
        )
        return tuple(_offered(row) for row in rows)

    def waiting_since(self) -> dict[str, int]:
        """When the oldest edition that a recipient has not acknowledged was published (Micros); those that lag.

        A recipient that has not come over to a new key epoch lags as soon as that one has an edition of its own.
        """
        rows = self._engine.rows(
            """SELECT f.recipient, MIN(f.published) AS since FROM feed_edition f
               WHERE f.edition > COALESCE(
                   (SELECT MAX(a.edition) FROM acknowledgement a WHERE a.recipient = f.recipient), 0)
               GROUP BY f.recipient"""
        )
        return {str(row["recipient"]): int(row["since"]) for row in rows}

    def newest(self) -> dict[str, FeedEditionRow]:
        """The newest edition of every feed, in its newest key epoch."""
        rows = self._engine.rows(
            """SELECT f.* FROM feed_edition f
               JOIN (SELECT recipient, MAX(edition) AS edition FROM feed_edition GROUP BY recipient) n
               ON n.recipient = f.recipient AND n.edition = f.edition ORDER BY f.epoch"""
        )
        return {str(row["recipient"]): _offered(row) for row in rows}

    # what recipients say

    def acknowledge(
        self, *, recipient: str, edition: int, content_root: bytes, exceptions_root: bytes, at: int, agrees: bool,
        epoch: int = 1,
    ) -> None:
        """Keep what a recipient says it has; the last word about an edition in a key epoch counts."""
        self._engine.run(
            """INSERT INTO acknowledgement (recipient, edition, epoch, content_root, exceptions_root, at, agrees)
               VALUES (:recipient, :edition, :epoch, :content_root, :exceptions_root, :at, :agrees)
               ON CONFLICT (recipient, edition, epoch) DO UPDATE SET content_root = excluded.content_root,
                   exceptions_root = excluded.exceptions_root, at = excluded.at, agrees = excluded.agrees""",
            recipient=recipient, edition=edition, content_root=content_root, exceptions_root=exceptions_root, at=at,
            agrees=int(agrees), epoch=epoch,
        )

    def acknowledged(self) -> dict[str, AcknowledgementRow]:
        """The newest acknowledgement of every recipient; of one edition in two key epochs, that of the newer one."""
        rows = self._engine.rows(
            """SELECT a.* FROM acknowledgement a
               JOIN (SELECT recipient, MAX(edition) AS edition FROM acknowledgement GROUP BY recipient) n
               ON n.recipient = a.recipient AND n.edition = a.edition ORDER BY a.epoch"""
        )
        return {str(row["recipient"]): _acknowledgement(row) for row in rows}

    def acknowledged_since(self, *, recipient: str, edition: int) -> int | None:
        """Since when a recipient has an edition or a later one, and agrees with it (Micros); None where it has none."""
        row = self._engine.row(
            """SELECT MIN(at) AS since FROM acknowledgement
               WHERE recipient = :recipient AND edition >= :edition AND agrees = 1""",
            recipient=recipient, edition=edition,
        )
        return int(row["since"]) if row and row["since"] is not None else None

    def forget_acknowledgements(self, *, before: int) -> int:
        """Forget acknowledgements from before a moment (Micros), the newest of every recipient excepted; how many."""
        return self._engine.run(
            """DELETE FROM acknowledgement WHERE at < :before AND edition < (SELECT MAX(n.edition)
               FROM acknowledgement n WHERE n.recipient = acknowledgement.recipient)""",
            before=before,
        )

    # carriers' public keys

    def put_key(self, *, party: str, public_key: bytes, at: int) -> None:
        """Keep the public key that a carrier's list keys are wrapped for; a new one takes the old one's place."""
        self._engine.run(
            """INSERT INTO carrier_key (party, public_key, at, since) VALUES (:party, :public_key, :at, :at)
               ON CONFLICT (party) DO UPDATE SET public_key = excluded.public_key, at = excluded.at""",
            party=party, public_key=public_key, at=at,
        )

    def key(self, party: str) -> tuple[bytes, int] | None:
        """A carrier's public key and since when it is known (Micros)."""
        row = self._engine.row("SELECT public_key, at FROM carrier_key WHERE party = :party", party=party)
        return (bytes(row["public_key"]), int(row["at"])) if row else None

    def keys_known(self) -> dict[str, tuple[int, int]]:
        """Of every carrier that registered a public key: when the first one came, and when the present one (Micros)."""
        rows = self._engine.rows("SELECT party, since, at FROM carrier_key ORDER BY party")
        return {str(row["party"]): (int(row["since"]), int(row["at"])) for row in rows}


def _offered(row: Row) -> FeedEditionRow:
    return FeedEditionRow(**{("size" if name == "bytes" else name): value for name, value in row.items()})


def _acknowledgement(row: Row) -> AcknowledgementRow:
    return AcknowledgementRow(**{**row, "agrees": bool(row["agrees"])})
