"""`state.json` of a mirror: which edition a list on disk is at, and which files it stands on.

Rules of this room: a file is named by what it holds, so that a state can only mean one content; what cannot be read or
is not what the state says is damaged, never guessed at.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import msgspec
from msgspec import Struct

from registry.editions import BUCKETS, EMPTY_LEAF, EMPTY_ROOT, EXCEPTION, RECORD
from registry.errors import FeedError, UnavailableError

STATE = "state.json"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


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
        return f"exceptions-{self.exceptions_root[:32]}" if self.exceptions else None

    @property
    def sizes(self) -> dict[str, int]:
        """All files that this state stands on, and their bytes."""
        found = {self.bucket_name(number): count * RECORD.itemsize for number, count in enumerate(self.counts)}
        found[self.exceptions_name] = self.exceptions * EXCEPTION.itemsize
        return {name: size for name, size in found.items() if name}


def bucket_name(number: int, leaf: str) -> str:
    """The file of a bucket with this digest (hex)."""
    return f"{number:02x}-{leaf[:32]}"


def read_state(folder: Path) -> State:
    """The state in a folder; edition 0 where there is none. Raises FeedError (`state_damaged`), UnavailableError."""
    try:
        state = msgspec.json.decode((folder / STATE).read_bytes(), type=State)
    except FileNotFoundError:
        return State()
    except msgspec.DecodeError as error:
        raise damaged(STATE) from error
    except OSError as error:
        raise UnavailableError(f"The list cannot be read: {error.strerror}.", code="state_unreadable") from error
    if len(state.leaves) != BUCKETS or len(state.counts) != BUCKETS:
        raise damaged(STATE)
    return state


def boot() -> str:
    """What tells one start of the machine from the next; a new word each time where the system does not say."""
    return _BOOT.read_text().strip() if _BOOT.exists() else secrets.token_hex(8)


def damaged(name: str) -> FeedError:
    """The error that says which file is not what it should be."""
    return FeedError(f"The list on disk is damaged ({name}); it must be fetched again.", code="state_damaged")
