"""Looks for phone numbers in everything that a program has left behind: logs, databases with their logs, files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from registry.numbers import Number
from registry.sealing import block

_HASHES = ("md5", "sha1", "sha256", "sha512", "blake2b")


def forms(number: Number, country_code: str = "86") -> Iterator[tuple[str, bytes]]:
    """The ways in which bytes give a number away to somebody who has no key: what it is called, the bytes."""
    whole = str(number.digits)
    national = whole.removeprefix(country_code)
    for text in (national, whole):
        yield "digits", text.encode()
        yield "UTF-16", text.encode("utf-16-le")
        yield "UTF-16", text.encode("utf-16-be")
        for order in ("big", "little"):
            yield f"integer, {order} end first", int(text).to_bytes(8, order)
        for name in _HASHES:
            for said in (text, f"+{text}"):
                digest = hashlib.new(name, said.encode())
                yield f"{name} without a key", digest.digest()
                yield f"{name} without a key", digest.hexdigest().encode()
    yield "block", block(number)
    spaced = f"{national[:3]} {national[3:7]} {national[7:]}"
    for text in (spaced, spaced.replace(" ", "-"), f"({national[:3]}) {national[3:7]}-{national[7:]}"):
        yield "written", text.encode()


def traces(numbers: Iterable[Number], folder: Path) -> list[str]:
    """Every file under a folder in which a number stands in clear, in any of its forms; empty is good."""
    found = []
    looked_for = [(what, raw) for number in numbers for what, raw in forms(number)]
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            where = path.relative_to(folder)
            found += [f"{where}: {what}" for what, raw in looked_for if raw in content]
    return found
