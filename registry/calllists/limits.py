"""How large things may be while a call list is scrubbed."""

from __future__ import annotations

from dataclasses import dataclass

from registry.calllists.blocks import LONGEST, SIZE


@dataclass(frozen=True)
class Limits:
    """In bytes. `block`: what is answered at once; `line`: the longest line; `held`: a list that has to be in memory
    as a whole, unpacked (a workbook or Parquet file inside gzip or zip); `workbook`: a workbook as it comes;
    `unpacked`: any list when it is unpacked."""

    block: int = SIZE
    line: int = LONGEST
    held: int = 200_000_000
    workbook: int = 200_000_000
    unpacked: int = 100_000_000_000
