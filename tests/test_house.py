"""Rules of the house that a machine can hold: sizes, names, layers, first lines."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = {
    "pyproject.toml",
    "README.md",
    "registry",
    "sync",
    "web",
    "instance",
    "tests",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "docs",
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "models", "constants", "misc"}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def sources(*endings: str) -> list[Path]:
    return [path for path in tracked() if path.suffix in endings]


def test_only_the_agreed_names_stand_at_the_top() -> None:
    names = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {name for name in names if not name.startswith(".")} <= TOP


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    long = {
        str(p.relative_to(ROOT)): n
        for p in sources(".py", ".html", ".css", ".js")
        if (n := len(p.read_text().splitlines())) > 400
    }
    assert not long


def test_no_function_is_longer_than_sixty_lines() -> None:
    long = []
    for path in sources(".py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                if node.end_lineno - node.lineno + 1 > 60:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not long


def test_every_module_says_in_its_first_line_what_it_holds() -> None:
    silent = [str(p.relative_to(ROOT)) for p in sources(".py") if not p.read_text().startswith('"""')]
    assert not silent


def test_public_functions_and_classes_have_docstrings() -> None:
    bare = []
    for path in sources(".py"):
        if path.is_relative_to(ROOT / "tests"):
            continue
        for node in ast.parse(path.read_text()).body:
            if (
                isinstance(node, ast.FunctionDef | ast.ClassDef)
                and not node.name.startswith("_")
                and not ast.get_docstring(node)
            ):
                bare.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not bare


def test_no_module_has_a_name_that_explains_nothing() -> None:
    assert not [str(p.relative_to(ROOT)) for p in sources(".py") if p.stem in VAGUE]


def test_tests_are_sentences() -> None:
    short = []
    for path in sources(".py"):
        if not path.is_relative_to(ROOT / "tests"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and node.name.count("_") < 3:
                short.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not short


def test_decision_records_are_numbered_and_short() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(p.name[:4]) for p in records] == list(range(1, len(records) + 1))
    assert not [p.name for p in records if len(p.read_text().splitlines()) > 60]


def test_nothing_names_a_package_host_or_a_path_of_one_machine() -> None:
    host = re.compile(
        "(extra-)?index"
        + "-url|find"
        + "-links|files.python"
        + "hosted|registry.npm"
        + "js|pypi"
        + r"\.org|/ro"
        + "ot/|/ho"
        + "me/[a-z]"
    )
    named = [
        str(p.relative_to(ROOT))
        for p in tracked()
        if p.suffix not in {".png", ".mo", ".db"} and host.search(p.read_text(errors="replace"))
    ]
    assert not named


def test_the_layers_hold() -> None:
    done = subprocess.run([str(Path(sys.executable).parent / "lint-imports")], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
