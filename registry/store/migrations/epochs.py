"""Migration 3, key epochs: which there are, and of which epoch what recipients were offered and said was."""

from __future__ import annotations

from registry.store.migrations.step import Migration

EPOCHS = Migration(
    3,
    "key epochs",
    (
        """CREATE TABLE key_epoch (epoch INTEGER PRIMARY KEY, began INTEGER NOT NULL, ended INTEGER,
            destroyed INTEGER)""",
        "INSERT INTO key_epoch (epoch, began) VALUES (1, 0)",
        "ALTER TABLE feed_edition RENAME TO feed_edition_before",
        """CREATE TABLE feed_edition (recipient TEXT NOT NULL, edition INTEGER NOT NULL, epoch INTEGER NOT NULL,
            kind TEXT NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, entries INTEGER NOT NULL,
            content_root BLOB NOT NULL, exceptions_root BLOB NOT NULL, published INTEGER NOT NULL,
            PRIMARY KEY (recipient, edition, epoch))""",
        """INSERT INTO feed_edition (recipient, edition, epoch, kind, rows, bytes, entries, content_root,
                                     exceptions_root, published)
           SELECT recipient, edition, 1, kind, rows, bytes, entries, content_root, exceptions_root, published
           FROM feed_edition_before""",
        "DROP TABLE feed_edition_before",
        "ALTER TABLE acknowledgement RENAME TO acknowledgement_before",
        """CREATE TABLE acknowledgement (recipient TEXT NOT NULL, edition INTEGER NOT NULL, epoch INTEGER NOT NULL,
            content_root BLOB NOT NULL, exceptions_root BLOB NOT NULL, at INTEGER NOT NULL, agrees INTEGER NOT NULL,
            PRIMARY KEY (recipient, edition, epoch))""",
        """INSERT INTO acknowledgement (recipient, edition, epoch, content_root, exceptions_root, at, agrees)
           SELECT recipient, edition, 1, content_root, exceptions_root, at, agrees FROM acknowledgement_before""",
        "DROP TABLE acknowledgement_before",
        "ALTER TABLE carrier_key ADD COLUMN since INTEGER NOT NULL DEFAULT 0",  # when its first key came
        "UPDATE carrier_key SET since = at",
    ),
)
