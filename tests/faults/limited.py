"""`python -m tests.faults.limited BYTES …`: `decline-sync`, whose shelf takes no file longer than so many bytes.

For machines where no small disk can be mounted: the kernel refuses what is longer (RLIMIT_FSIZE) while a file is put.
"""

from __future__ import annotations

import resource
import runpy
import sys
from pathlib import Path

from registry.outside.shelf import FolderShelf


def main() -> None:
    """Limit what is put, then be `decline-sync`."""
    most, put = int(sys.argv[1]), FolderShelf.put

    def limited(self: FolderShelf, name: str, content: bytes | Path) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
        try:
            put(self, name, content)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    FolderShelf.put = limited  # type: ignore[method-assign]
    sys.argv = ["sync", *sys.argv[2:]]
    runpy.run_module("sync", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
