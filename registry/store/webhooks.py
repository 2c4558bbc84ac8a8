"""SQL about webhook_endpoint, webhook_event, webhook_delivery, webhook_told.

A delivery waits, is delivered, or is dead; only who holds the lease of its endpoint moves it on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.store.engine import Engine

WAITING, DELIVERED, DEAD = "waiting", "delivered", "dead"
_ENDPOINT = (
    "endpoint", "party", "url", "label", "events", "state", "secret", "old_secret", "old_until", "created", "next",
    "failures", "failure",
)  # fmt: skip
_DELIVERY = "d.endpoint, d.event, e.type, d.state, d.since, d.due, d.attempts, d.done, d.status, d.failure"


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint as it is stored: address and secrets sealed, events as words, times in Micros (0: none)."""

    endpoint: str
    party: str
    url: bytes
    label: str
    events: str
    state: str  # active, off (by its owner), gone (it answered 410)
    secret: bytes
    old_secret: bytes | None
    old_until: int
    created: int
    next: int
    failures: int
    failure: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of telling one endpoint of one event. Times in Micros; `status` 0: no answer yet."""

    endpoint: str
    event: str
    type: str
    state: str
    since: int
    due: int
    attempts: int
    done: int | None
    status: int
    failure: str


@dataclass(frozen=True, slots=True)
class Due:
    """One event that an endpoint is to be told of now, with its body."""

    event: str
    body: str
    since: int
    attempts: int


class Webhooks:
    """Rows of webhook_endpoint, webhook_event, webhook_delivery, webhook_told."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # endpoints

    def endpoints(self, party: str = "") -> tuple[EndpointRow, ...]:
        """The endpoints of a party, or all, oldest first."""
        rows = self._engine.rows(
            f"""SELECT {", ".join(_ENDPOINT)} FROM webhook_endpoint WHERE party = :party OR :party = ''
            ORDER BY created, endpoint""",  # noqa: S608 - fixed names
            party=party,
        )
        return tuple(EndpointRow(**row) for row in rows)

    def endpoint(self, endpoint: str) -> EndpointRow | None:
        """One endpoint."""
        row = self._engine.row(
            f"SELECT {', '.join(_ENDPOINT)} FROM webhook_endpoint WHERE endpoint = :endpoint",  # noqa: S608
            endpoint=endpoint,
        )
        return EndpointRow(**row) if row else None

    def put_endpoint(self, row: EndpointRow) -> None:
        """Write an endpoint, new or changed."""
        marks = ", ".join(f":{name}" for name in _ENDPOINT)
        changes = ", ".join(f"{name} = excluded.{name}" for name in _ENDPOINT[1:])
        self._engine.run(
            f"""INSERT INTO webhook_endpoint ({", ".join(_ENDPOINT)}) VALUES ({marks})
            ON CONFLICT (endpoint) DO UPDATE SET {changes}""",  # noqa: S608
            **{name: getattr(row, name) for name in _ENDPOINT},
        )

    def remove_endpoint(self, endpoint: str) -> None:
        """Delete an endpoint and what it was to be told."""
        self._engine.run("DELETE FROM webhook_delivery WHERE endpoint = :endpoint", endpoint=endpoint)
        self._engine.run("DELETE FROM webhook_endpoint WHERE endpoint = :endpoint", endpoint=endpoint)

    def stand(self, endpoint: str, *, next: int, failures: int, failure: str, gone: bool = False) -> None:
        """Write how an endpoint answered last; one that was removed meanwhile stays so."""
        self._engine.run(
            """UPDATE webhook_endpoint SET next = :next, failures = :failures, failure = :failure,
                state = CASE WHEN :gone = 1 AND state = 'active' THEN 'gone' ELSE state END
            WHERE endpoint = :endpoint""",
            endpoint=endpoint, next=next, failures=failures, failure=failure, gone=int(gone),
        )  # fmt: skip

    # events

    def subscribers(self, type: str, party: str) -> list[str]:
        """The active endpoints of a party (of every active party for "") that want a type of event."""
        rows = self._engine.rows(
            """SELECT w.endpoint FROM webhook_endpoint w JOIN party p ON p.party = w.party
            WHERE (w.party = :party OR :party = '') AND w.state = 'active' AND p.state = 'active'
                AND ' ' || w.events || ' ' LIKE :wanted ORDER BY w.endpoint""",
            party=party, wanted=f"% {type} %",
        )  # fmt: skip
        return [row["endpoint"] for row in rows]

    def add_event(self, *, event: str, type: str, body: str, at: int, endpoints: Sequence[str]) -> None:
        """Keep an event, and that these endpoints are to be told of it."""
        self._engine.run(
            "INSERT INTO webhook_event (event, type, body, at) VALUES (:event, :type, :body, :at)",
            event=event, type=type, body=body, at=at,
        )  # fmt: skip
        self._engine.run_many(
            """INSERT INTO webhook_delivery (endpoint, event, state, since, due, attempts, done, status, failure)
            VALUES (:endpoint, :event, 'waiting', :at, :at, 0, NULL, 0, '')""",
            [{"endpoint": endpoint, "event": event, "at": at} for endpoint in endpoints],
        )

    def told(self, what: str) -> int | None:
        """The newest number of something that events were written of."""
        row = self._engine.row("SELECT newest FROM webhook_told WHERE what = :what", what=what)
        return int(row["newest"]) if row else None

    def set_told(self, what: str, newest: int) -> None:
        """Keep the newest number of something that events were written of."""
        self._engine.run(
            """INSERT INTO webhook_told (what, newest) VALUES (:what, :newest)
            ON CONFLICT (what) DO UPDATE SET newest = excluded.newest""",
            what=what, newest=newest,
        )  # fmt: skip

    # deliveries

    def due_endpoints(self, now: int) -> list[tuple[str, int]]:
        """Endpoints that may be asked now and have something to be told: with how often they failed in a row."""
        rows = self._engine.rows(
            """SELECT w.endpoint, w.failures FROM webhook_endpoint w JOIN party p ON p.party = w.party
            WHERE w.state = 'active' AND p.state = 'active' AND w.next <= :now AND EXISTS
                (SELECT 1 FROM webhook_delivery d
                WHERE d.state = 'waiting' AND d.endpoint = w.endpoint AND d.due <= :now)
            ORDER BY w.failures, w.endpoint""",
            now=now,
        )
        return [(row["endpoint"], int(row["failures"])) for row in rows]

    def due(self, endpoint: str, *, now: int, limit: int) -> list[Due]:
        """What an endpoint is to be told now, what waits longest first."""
        rows = self._engine.rows(
            """SELECT d.event, e.body, d.since, d.attempts FROM webhook_delivery d
            JOIN webhook_event e ON e.event = d.event
            WHERE d.state = 'waiting' AND d.endpoint = :endpoint AND d.due <= :now
            ORDER BY d.due, d.since, d.event LIMIT :limit""",
            endpoint=endpoint, now=now, limit=limit,
        )  # fmt: skip
        return [Due(**row) for row in rows]

    def settle(
        self, *, endpoint: str, event: str, state: str, due: int, attempts: int, done: int | None, status: int,
        failure: str,
    ) -> bool:  # fmt: skip
        """Write what an attempt came to; False where the delivery no longer waits."""
        return bool(
            self._engine.run(
                """UPDATE webhook_delivery SET state = :state, due = :due, attempts = :attempts, done = :done,
                    status = :status, failure = :failure
                WHERE endpoint = :endpoint AND event = :event AND state = 'waiting'""",
                endpoint=endpoint, event=event, state=state, due=due, attempts=attempts, done=done, status=status,
                failure=failure,
            )
        )  # fmt: skip

    def give_up(self, endpoint: str, *, before: int, now: int, failure: str) -> int:
        """Make dead letters of what an endpoint that fails was to be told before a time; how many."""
        return self._engine.run(
            """UPDATE webhook_delivery SET state = 'dead', done = :now, failure = :failure
            WHERE state = 'waiting' AND endpoint = :endpoint AND since < :before""",
            endpoint=endpoint, before=before, now=now, failure=failure,
        )  # fmt: skip

    def resend(self, *, endpoint: str, event: str, at: int) -> bool:
        """Let a delivery that is over wait again, as if it were new; False where there is none."""
        return bool(
            self._engine.run(
                """UPDATE webhook_delivery SET state = 'waiting', since = :at, due = :at, attempts = 0, done = NULL,
                    failure = '' WHERE endpoint = :endpoint AND event = :event AND state <> 'waiting'""",
                endpoint=endpoint, event=event, at=at,
            )
        )  # fmt: skip

    def delivery(self, endpoint: str, event: str) -> Delivery | None:
        """One delivery."""
        row = self._engine.row(
            f"""SELECT {_DELIVERY} FROM webhook_delivery d JOIN webhook_event e ON e.event = d.event
            WHERE d.endpoint = :endpoint AND d.event = :event""",  # noqa: S608
            endpoint=endpoint, event=event,
        )
        return Delivery(**row) if row else None

    def deliveries(self, endpoint: str, *, state: str = "", limit: int = 50) -> tuple[Delivery, ...]:
        """An endpoint's deliveries, newest first; of one state, or of all."""
        rows = self._engine.rows(
            f"""SELECT {_DELIVERY} FROM webhook_delivery d JOIN webhook_event e ON e.event = d.event
            WHERE d.endpoint = :endpoint AND (d.state = :state OR :state = '')
            ORDER BY d.since DESC, d.event LIMIT :limit""",  # noqa: S608
            endpoint=endpoint, state=state, limit=limit,
        )
        return tuple(Delivery(**row) for row in rows)

    def dead_letters(self, *, party: str = "", limit: int = 100) -> tuple[Delivery, ...]:
        """The newest dead letters, of one party or of all."""
        rows = self._engine.rows(
            f"""SELECT {_DELIVERY} FROM webhook_delivery d JOIN webhook_event e ON e.event = d.event
            JOIN webhook_endpoint w ON w.endpoint = d.endpoint
            WHERE d.state = 'dead' AND (w.party = :party OR :party = '')
            ORDER BY d.since DESC, d.event, d.endpoint LIMIT :limit""",  # noqa: S608
            party=party, limit=limit,
        )
        return tuple(Delivery(**row) for row in rows)

    def figures(self) -> tuple[int, int, int]:
        """How many deliveries wait, since when the oldest does (Micros, 0: none), how many are dead."""
        waiting = self._engine.row(
            "SELECT COUNT(*) AS many, MIN(since) AS since FROM webhook_delivery WHERE state = 'waiting'"
        )
        dead = self._engine.row("SELECT COUNT(*) AS many FROM webhook_delivery WHERE state = 'dead'")
        assert waiting is not None
        assert dead is not None
        return int(waiting["many"]), int(waiting["since"] or 0), int(dead["many"])

    def purge(self, *, before: int) -> int:
        """Delete deliveries that ended before a time or whose endpoint is gone, and events of none; how many."""
        gone = self._engine.run(
            """DELETE FROM webhook_delivery WHERE (state <> 'waiting' AND done < :before)
                OR endpoint NOT IN (SELECT endpoint FROM webhook_endpoint)""",
            before=before,
        )
        self._engine.run(
            """DELETE FROM webhook_event WHERE at < :before AND NOT EXISTS
                (SELECT 1 FROM webhook_delivery d WHERE d.event = webhook_event.event)""",
            before=before,
        )
        return gone
