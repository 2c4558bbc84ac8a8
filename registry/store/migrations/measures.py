"""Migration 17: measures, who is to carry them out, and how each went."""

from __future__ import annotations

from registry.store.migrations.step import Migration

MEASURES = Migration(
    17,
    "measures and appeals",
    (
        """CREATE TABLE measure (measure TEXT PRIMARY KEY, case_id TEXT NOT NULL, enterprise TEXT NOT NULL,
            resource TEXT NOT NULL, kind TEXT NOT NULL, basis TEXT NOT NULL, facts TEXT NOT NULL, state TEXT NOT NULL,
            proposed_by TEXT NOT NULL, decided_by TEXT NOT NULL, proposed INTEGER NOT NULL, notified INTEGER NOT NULL,
            starts INTEGER NOT NULL, ends INTEGER NOT NULL, appeal TEXT NOT NULL, appealed INTEGER NOT NULL,
            ended INTEGER NOT NULL)""",
        "CREATE INDEX measure_case ON measure (case_id, proposed)",
        "CREATE INDEX measure_enterprise ON measure (enterprise, proposed)",
        "CREATE INDEX measure_state ON measure (state, starts)",
        """CREATE TABLE measure_move (measure TEXT NOT NULL, place INTEGER NOT NULL, at INTEGER NOT NULL,
            actor TEXT NOT NULL, action TEXT NOT NULL, state TEXT NOT NULL, note TEXT NOT NULL,
            PRIMARY KEY (measure, place))""",
        # what a carrier has to do about a measure: begin it, and end it when it is lifted or over
        """CREATE TABLE measure_order (measure TEXT NOT NULL, party TEXT NOT NULL, step TEXT NOT NULL,
            told INTEGER NOT NULL, confirmed INTEGER NOT NULL, PRIMARY KEY (measure, party, step))""",
        "CREATE INDEX measure_order_party ON measure_order (party, confirmed, told)",
    ),
)
