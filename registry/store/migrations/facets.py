"""Migration 27: what the queue of reports filters by in one number, and two narrow indexes to walk in its order."""

from __future__ import annotations

from registry.store.migrations.step import Migration

PACKED = """
        (CASE state WHEN 'submitted' THEN 0 WHEN 'returned' THEN 1 WHEN 'accepted' THEN 2 WHEN
            'forwarded' THEN 3 WHEN 'violation' THEN 4 WHEN 'unfounded' THEN 5 WHEN 'not_ours' THEN
            6 WHEN 'measured' THEN 7 WHEN 'fed_back' THEN 8 WHEN 'reopened' THEN 9 WHEN 'appealed'
            THEN 10 WHEN 'told' THEN 11 WHEN 'closed' THEN 12 ELSE 15 END) * 1 +
        (CASE class WHEN 'commercial' THEN 0 WHEN 'malicious' THEN 1 WHEN 'unlawful' THEN 2 ELSE 3
            END) * 16 +
        (CASE kind WHEN 'call' THEN 0 WHEN 'message' THEN 1 ELSE 3 END) * 64 +
        (CASE WHEN channel BETWEEN 0 AND 3 THEN channel ELSE 3 END) * 256 +
        (CASE WHEN category BETWEEN -1 AND 30 THEN category + 1 ELSE 31 END) * 1024 +
        (CASE province WHEN '' THEN 0 WHEN 'beijing' THEN 1 WHEN 'tianjin' THEN 2 WHEN 'hebei' THEN
            3 WHEN 'shanxi' THEN 4 WHEN 'inner_mongolia' THEN 5 WHEN 'liaoning' THEN 6 WHEN 'jilin'
            THEN 7 WHEN 'heilongjiang' THEN 8 WHEN 'shanghai' THEN 9 WHEN 'jiangsu' THEN 10 WHEN
            'zhejiang' THEN 11 WHEN 'anhui' THEN 12 WHEN 'fujian' THEN 13 WHEN 'jiangxi' THEN 14
            WHEN 'shandong' THEN 15 WHEN 'henan' THEN 16 WHEN 'hubei' THEN 17 WHEN 'hunan' THEN 18
            WHEN 'guangdong' THEN 19 WHEN 'guangxi' THEN 20 WHEN 'hainan' THEN 21 WHEN 'chongqing'
            THEN 22 WHEN 'sichuan' THEN 23 WHEN 'guizhou' THEN 24 WHEN 'yunnan' THEN 25 WHEN 'tibet'
            THEN 26 WHEN 'shaanxi' THEN 27 WHEN 'gansu' THEN 28 WHEN 'qinghai' THEN 29 WHEN
            'ningxia' THEN 30 WHEN 'xinjiang' THEN 31 ELSE 63 END) * 32768 +
        (CASE held WHEN '' THEN 0 WHEN 'bombing' THEN 1 WHEN 'same_text' THEN 2 ELSE 3 END) *
            2097152 +
        (CASE WHEN late > 0 THEN 1 ELSE 0 END) * 8388608 +
        (CASE WHEN undated BETWEEN 0 AND 1 THEN undated ELSE 1 END) * 16777216
"""  # as `store/facets.py` packs them

FACETS = Migration(
    27,
    "the queue of reports by facets",
    (
        "DROP INDEX handling_dated",
        "DROP INDEX handling_rest",
        "ALTER TABLE handling ADD COLUMN facets INTEGER NOT NULL DEFAULT 0",
        f"UPDATE handling SET facets = {PACKED}",  # noqa: S608 - fixed text
        "CREATE INDEX handling_dated ON handling (due, reference, facets, desk, carrier) WHERE due > 0",
        "CREATE INDEX handling_rest ON handling (received, reference, facets, desk, carrier, due) WHERE due = 0",
    ),
)
