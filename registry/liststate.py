"""What a list on disk is: the record in its `state.json`, and the names of the files that it stands on.

Rules of this room: a file is named by what it holds, so that a state can only mean one content; nothing here reads a
file. Followers and the publisher keep lists in this form, and the registry repairs a follower's from the publisher's.
"""

from __future__ import annotations

import re

from msgspec import Struct

from registry.editions import BUCKETS, EMPTY_LEAF, EMPTY_ROOT, EXCEPTION, RECORD

STATE = "state.json"
BUCKET_NAME = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}")


class State(Struct, frozen=True, kw_only=True):
    """`state.json`: which edition this is and what it holds. Digests are hex; `leaves` and `counts` go by bucket."""

    format: int = 1
    edition: int = 0
    epoch: int = 0
    algorithm: str = ""
    entries: int = 0
    content_root: str = EMPTY_ROOT.hex()
    leaves: tuple[str, ...] = (EMPTY_LEAF.hex(),) * BUCKETS
    counts: tuple[int, ...] = (0,) * BUCKETS
    exceptions: int = 0
    exceptions_root: str = EMPTY_ROOT.hex()
    boot: str = ""

    def bucket_name(self, bucket: int) -> str | None:
        """The file of a bucket, or None where it holds nothing."""
        return bucket_name(bucket, self.leaves[bucket]) if self.counts[bucket] else None

    @property
    def exceptions_name(self) -> str | None:
        """The file of the exceptions, or None where there are none."""
        return exceptions_name(self.exceptions_root) if self.exceptions else None

    @property
    def sizes(self) -> dict[str, int]:
        """All files that this state stands on, and their bytes."""
        found = {self.bucket_name(number): count * RECORD.itemsize for number, count in enumerate(self.counts)}
        found[self.exceptions_name] = self.exceptions * EXCEPTION.itemsize
        return {name: size for name, size in found.items() if name}


def bucket_name(number: int, leaf: str) -> str:
    """The file of a bucket with this digest (hex)."""
    return f"{number:02x}-{leaf[:32]}"


def exceptions_name(root: str) -> str:
    """The file of exceptions with this root (hex)."""
    return f"exceptions-{root[:32]}"


def copy_place(party: str, epoch: int) -> str:
    """Where the publisher's copy of a recipient's list of one key epoch lies, under `mirrors/`."""
    return f"{party}-{epoch}"
