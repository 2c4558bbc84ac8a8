"""The Java class computes the tags that the published vectors say, and those of this registry."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from registry.keys import KeyRing
from registry.numbers import Number
from registry.tags import tag_one
from tests.examples.conftest import EXAMPLES

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "tags.json").read_text())
TAG = EXAMPLES / "java" / "Tag.java"


def run(java: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [java, str(TAG), *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def lines(keys: KeyRing) -> list[str]:
    published = VECTORS["list_key"]["key"]
    found = [
        f"{published} 1 {each['e164'][1:]} {int(each['tag_u64']):016x}" for each in VECTORS["numbers"]
    ]
    for scope in ("cmcc", "ctcc", "all"):  # some of these have a first bit of E(0) that is set, some have not
        for number in (Number(1, 8613800138000), Number(2, 10086), Number(2, 2**64 - 1), Number(1, 12025550123)):
            key = keys.list_key(scope)
            found.append(f"{key.hex()} {number.kind} {number.digits} {tag_one(key, number):016x}")
    return found


def test_java_computes_the_published_tags_and_says_where_one_is_wrong(
    java: str, lines: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "tags.txt"
    file.write_text("\n".join(lines) + "\n")
    done = run(java, "--check", file)
    assert (done.returncode, done.stdout) == (0, f"{len(lines)} tags checked, 0 wrong\n"), done.stderr
    file.write_text(lines[0][:-1] + ("0" if lines[0][-1] != "0" else "1"))
    assert run(java, "--check", file).returncode == 1


def test_java_prints_the_tag_of_a_number(java: str) -> None:
    each = VECTORS["numbers"][0]
    done = run(java, VECTORS["list_key"]["key"], each["e164"][1:])
    assert done.stdout.strip() == f"{int(each['tag_u64']):016x}"
    assert run(java).returncode == 2
