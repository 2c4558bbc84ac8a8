"""SQL about campaign, campaign_link, text_cluster, text_band, gather_mark: how reports come together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from registry.store.engine import Engine, Row
from registry.store.facets import packed

_LOOKUP = 500
_HANDLING = """h.source, h.source_id, h.received, h.updated, h.at, h.caller, h.provider, h.content, h.resource,
    h.verdict, h.outcome, h.held, h.cluster, h.case_id"""


class Gathering:
    """Rows of campaign, campaign_link, text_cluster, text_band, gather_mark; handling's held, cluster, case_id."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def mark(self, step: str) -> tuple[int, str, str]:
        """How far a pass has come: Micros, source, source's id."""
        row = self._engine.row("SELECT at, source, source_id FROM gather_mark WHERE pass = :step", step=step)
        return (row["at"], row["source"], row["source_id"]) if row else (-1, "", "")

    def set_mark(self, step: str, mark: tuple[int, str, str]) -> None:
        """Note how far a pass has come."""
        self._engine.run(
            """INSERT INTO gather_mark (pass, at, source, source_id) VALUES (:step, :at, :source, :source_id)
            ON CONFLICT (pass) DO UPDATE SET at = excluded.at, source = excluded.source,
                source_id = excluded.source_id""",
            step=step, at=mark[0], source=mark[1], source_id=mark[2],
        )

    def received_after(self, mark: tuple[int, str, str], *, limit: int) -> list[Row]:
        """Reports that came after a mark, in order, with `reporter` and `description` (sealed)."""
        return self._engine.rows(
            f"""SELECT {_HANDLING}, r.reporter, r.description FROM handling AS h
            LEFT JOIN report AS r ON r.source = h.source AND r.source_id = h.source_id
            WHERE (h.received, h.source, h.source_id) > (:at, :source, :source_id)
            ORDER BY h.received, h.source, h.source_id LIMIT :limit""",  # noqa: S608 - fixed names
            at=mark[0], source=mark[1], source_id=mark[2], limit=limit,
        )

    def moved_after(self, mark: tuple[int, str, str], *, until: int, limit: int) -> list[Row]:
        """Reports whose handling changed after a mark and by a time (Micros), in order."""
        return self._engine.rows(
            f"""SELECT {_HANDLING} FROM handling AS h
            WHERE (h.updated, h.source, h.source_id) > (:at, :source, :source_id) AND h.updated <= :until
            ORDER BY h.updated, h.source, h.source_id LIMIT :limit""",  # noqa: S608 - fixed names
            at=mark[0], source=mark[1], source_id=mark[2], until=until, limit=limit,
        )

    # texts

    def near(self, bands: Sequence[bytes]) -> dict[bytes, list[str]]:
        """The clusters that stand under bands."""
        found: dict[bytes, list[str]] = {}
        for part in _slices(bands):
            for row in self._engine.rows("SELECT band, cluster FROM text_band WHERE band IN :part", part=part):
                found.setdefault(row["band"], []).append(row["cluster"])
        return found

    def signatures(self, clusters: Iterable[str]) -> dict[str, bytes]:
        """The signatures of clusters."""
        found: dict[str, bytes] = {}
        for part in _slices(clusters):
            rows = self._engine.rows("SELECT cluster, signature FROM text_cluster WHERE cluster IN :part", part=part)
            found.update({row["cluster"]: row["signature"] for row in rows})
        return found

    def add_clusters(self, clusters: Sequence[Mapping[str, Any]], bands: Sequence[Mapping[str, Any]]) -> None:
        """Keep new clusters with their bands."""
        self._engine.run_many(
            "INSERT INTO text_cluster (cluster, signature, made) VALUES (:cluster, :signature, :made)", clusters
        )
        self._engine.run_many("INSERT INTO text_band (band, cluster) VALUES (:band, :cluster)", bands)

    def set_clusters(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write the cluster of reports."""
        self._engine.run_many(
            "UPDATE handling SET cluster = :cluster WHERE source = :source AND source_id = :source_id", rows
        )

    def of_text(self, cluster: str, source: str, *, since: int, until: int) -> list[Row]:
        """Reports of one source with texts of a cluster that came in a time, in order, with their reporter."""
        return self._engine.rows(
            f"""SELECT {_HANDLING}, r.reporter FROM handling AS h
            JOIN report AS r ON r.source = h.source AND r.source_id = h.source_id
            WHERE h.cluster = :cluster AND h.cluster <> '' AND h.source = :source
                AND h.received >= :since AND h.received <= :until ORDER BY h.received, h.source_id""",  # noqa: S608
            cluster=cluster, source=source, since=since, until=until,
        )

    def hold(self, reports: Iterable[tuple[str, str]], why: str) -> int:
        """Hold reports, which then count nowhere until they are released; how many."""
        mask, facets = packed({"held": why})
        return self._engine.run_many(
            f"""UPDATE handling SET held = :why, facets = facets & {~mask} | {facets}
            WHERE source = :source AND source_id = :id AND held = ''""",  # noqa: S608 - numbers
            [{"source": source, "id": id_, "why": why} for source, id_ in reports],
        )

    def reviewed(self, clusters: Iterable[str]) -> dict[tuple[str, str, str], int]:
        """When somebody last decided about what was held (Micros), by cluster, enterprise and why."""
        found: dict[tuple[str, str, str], int] = {}
        for part in _slices(clusters):
            rows = self._engine.rows(
                """SELECT cluster, enterprise, held, MAX(at) AS at FROM held_review WHERE cluster IN :part
                GROUP BY cluster, enterprise, held""",
                part=part,
            )
            found.update({(row["cluster"], row["enterprise"], row["held"]): row["at"] for row in rows})
        return found

    # campaigns

    def links(self, links: Iterable[str]) -> dict[tuple[str, str], str]:
        """The campaigns that links lead to, by enterprise and link."""
        found: dict[tuple[str, str], str] = {}
        for part in _slices(links):
            rows = self._engine.rows(
                "SELECT enterprise, link, campaign FROM campaign_link WHERE link IN :part", part=part
            )
            found.update({(row["enterprise"], row["link"]): row["campaign"] for row in rows})
        return found

    def add_campaigns(self, campaigns: Sequence[Mapping[str, Any]], links: Sequence[Mapping[str, Any]]) -> None:
        """Keep new campaigns, and links to campaigns."""
        self._engine.run_many(
            """INSERT INTO campaign (campaign, enterprise, case_id, made)
            VALUES (:campaign, :enterprise, '', :made)""",
            campaigns,
        )
        self._engine.run_many(
            """INSERT INTO campaign_link (enterprise, link, campaign) VALUES (:enterprise, :link, :campaign)
            ON CONFLICT (enterprise, link) DO NOTHING""",
            links,
        )

    def cases_of(self, campaigns: Iterable[str]) -> dict[str, str]:
        """The cases that campaigns belong to, "" for none."""
        found: dict[str, str] = {}
        for part in _slices(campaigns):
            rows = self._engine.rows("SELECT campaign, case_id FROM campaign WHERE campaign IN :part", part=part)
            found.update({row["campaign"]: row["case_id"] for row in rows})
        return found

    def add_reports(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Count reports, every column given; each counts once."""
        self._engine.run_many(
            """INSERT INTO case_report (source, source_id, enterprise, campaign, case_id, caller, at)
            VALUES (:source, :source_id, :enterprise, :campaign, :case_id, :caller, :at)
            ON CONFLICT (source, source_id) DO NOTHING""",
            rows,
        )
        self._engine.run_many(
            "UPDATE handling SET case_id = :case_id WHERE source = :source AND source_id = :source_id",
            [row for row in rows if row["case_id"]],
        )

    def counted(self, reports: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Those of some reports that count already, with their case ("": none yet)."""
        wanted, found = set(reports), dict[tuple[str, str], str]()
        for part in _slices(id_ for _source, id_ in reports):
            rows = self._engine.rows(
                "SELECT source, source_id, case_id FROM case_report WHERE source IN :sources AND source_id IN :part",
                sources=tuple({source for source, _id in reports}), part=part,
            )
            found.update({(row["source"], row["source_id"]): row["case_id"] for row in rows})
        return {report: case for report, case in found.items() if report in wanted}

    def drop(self, reports: Sequence[tuple[str, str]]) -> None:
        """Count reports no more."""
        given = [{"source": source, "id": id_} for source, id_ in reports]
        self._engine.run_many("DELETE FROM case_report WHERE source = :source AND source_id = :id", given)
        self._engine.run_many("UPDATE handling SET case_id = '' WHERE source = :source AND source_id = :id", given)

    def waiting(self, enterprise: str, *, since: int) -> list[Row]:
        """What gathers at an enterprise without a case since a time: campaign, reports, numbers."""
        return self._engine.rows(
            """SELECT campaign, COUNT(*) AS reports, COUNT(DISTINCT caller) AS numbers FROM case_report
            WHERE enterprise = :enterprise AND case_id = '' AND at >= :since GROUP BY campaign ORDER BY campaign""",
            enterprise=enterprise, since=since,
        )

    def callers_waiting(self, enterprise: str, *, since: int) -> list[int]:
        """How many reports each caller of an enterprise has that gather without a case, the most first."""
        rows = self._engine.rows(
            """SELECT COUNT(*) AS n FROM case_report
            WHERE enterprise = :enterprise AND case_id = '' AND at >= :since AND caller IS NOT NULL
            GROUP BY caller ORDER BY n DESC LIMIT 10000""",
            enterprise=enterprise, since=since,
        )
        return [int(row["n"]) for row in rows]

    def into_case(self, campaigns: Iterable[str], case_id: str) -> None:
        """Let campaigns and their reports without a case belong to one."""
        for part in _slices(campaigns):
            self._engine.run(
                """UPDATE handling SET case_id = :case_id WHERE (source, source_id) IN
                    (SELECT source, source_id FROM case_report WHERE campaign IN :part AND case_id = '')""",
                case_id=case_id, part=part,
            )
            for table in ("case_report", "campaign"):
                self._engine.run(
                    f"UPDATE {table} SET case_id = :case_id WHERE campaign IN :part AND case_id = ''",  # noqa: S608
                    case_id=case_id, part=part,
                )

    # what belongs to no report any longer

    def purge_texts(self, *, before: int, most: int) -> int:
        """Delete clusters of texts made before a time to which no report belongs, with their bands and what they link;
        at most so many; how many."""
        gone = self._engine.rows(
            """SELECT cluster FROM text_cluster AS t WHERE made < :before AND NOT EXISTS
                (SELECT 1 FROM handling AS h WHERE h.cluster = t.cluster AND h.cluster <> '') LIMIT :most""",
            before=before, most=most,
        )
        self._engine.run_many("DELETE FROM campaign_link WHERE link = :cluster", gone)
        for table in ("text_band", "text_cluster"):
            self._engine.run_many(f"DELETE FROM {table} WHERE cluster = :cluster", gone)  # noqa: S608 - fixed names
        return len(gone)

    def purge_campaigns(self, *, before: int, most: int) -> int:
        """Delete campaigns made before a time to which no report belongs, with their links; at most so many; how
        many."""
        gone = self._engine.rows(
            """SELECT campaign FROM campaign AS g WHERE made < :before AND NOT EXISTS
                (SELECT 1 FROM case_report AS c WHERE c.campaign = g.campaign) LIMIT :most""",
            before=before, most=most,
        )
        for table in ("campaign_link", "campaign"):
            self._engine.run_many(f"DELETE FROM {table} WHERE campaign = :campaign", gone)  # noqa: S608 - fixed names
        return len(gone)

    def recycled(self, numbers: Iterable[bytes]) -> dict[bytes, int]:
        """When numbers last got another holder (Micros); those that never did are left out."""
        found: dict[bytes, int] = {}
        for part in _slices(numbers):
            rows = self._engine.rows(
                """SELECT number, MAX(at) AS at FROM number_event WHERE number IN :part AND state = 'done'
                AND kind IN ('recycled', 'reassigned') GROUP BY number""",
                part=part,
            )
            found.update({row["number"]: row["at"] for row in rows})
        return found


def _slices(items: Iterable[Any]) -> Iterable[tuple[Any, ...]]:
    wanted = sorted(set(items))
    for start in range(0, len(wanted), _LOOKUP):
        part = tuple(wanted[start : start + _LOOKUP])
        yield part + part[-1:] * (_LOOKUP - len(part) if len(part) > 8 else 0)
