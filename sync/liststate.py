"""Reading the `state.json` of a list on disk, and telling one start of the machine from the next.

Rules of this room: what cannot be read or is not what the state says is damaged, never guessed at.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from registry.editions import BUCKETS, root_of_leaves
from registry.errors import FeedError, UnavailableError
from registry.liststate import STATE, State
from registry.naming import new_id

_BOOT = Path("/proc/sys/kernel/random/boot_id")


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
    if not _makes_sense(state):
        raise damaged(STATE)
    return state


def _makes_sense(state: State) -> bool:
    """Whether a state's figures belong together: one that a disk has altered does not."""
    if len(state.leaves) != BUCKETS or len(state.counts) != BUCKETS or min(*state.counts, state.exceptions) < 0:
        return False
    try:
        leaves = [bytes.fromhex(leaf) for leaf in state.leaves]
    except ValueError:
        return False
    return (sum(state.counts), root_of_leaves(leaves).hex()) == (state.entries, state.content_root)


def boot() -> str:
    """What tells one start of the machine from the next; a new word each time where the system does not say."""
    return _BOOT.read_text().strip() if _BOOT.exists() else new_id()


def damaged(name: str) -> FeedError:
    """The error that says which file is not what it should be."""
    return FeedError(f"The list on disk is damaged ({name}); it must be repaired.", code="state_damaged")
