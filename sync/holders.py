"""What holders of leases are called: the machine, its space of process ids, the process, and a random end."""

from __future__ import annotations

import os
import socket

from registry.naming import new_id


def own_name() -> str:
    """A holder's name: the machine, its space of process ids, the process, and a random end."""
    return f"{space()}:{os.getpid()}:{new_id(8)}"


def space() -> str:
    """What a process id is unique in: the machine's name and its namespace of process ids."""
    try:
        return f"{socket.gethostname()}:{os.stat('/proc/self/ns/pid').st_ino}"  # noqa: PTH116
    except OSError:
        return f"{socket.gethostname()}:{new_id(8)}"  # unknown: then nobody is taken for dead
