"""Fixtures of the examples in other languages: their programs, found on this machine or skipped with a reason."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sync.conftest import small_town  # noqa: F401 - the same small registry

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
Run = Callable[..., str]


def program(name: str, flag: str, oldest: int) -> str:
    """The path of a program of at least a version; skips where it is not there."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on this machine")
    said = subprocess.run([found, flag], capture_output=True, text=True, timeout=60, check=False)
    words = (said.stdout + said.stderr).replace("v", " ").replace('"', " ").split()
    version = next((word for word in words if word[:1].isdigit()), "0")
    if int(version.partition(".")[0]) < oldest:
        pytest.skip(f"{name} is older than {oldest}")
    return found


@pytest.fixture(scope="session")
def java() -> str:
    return program("java", "-version", 17)


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The follower in Node.js with its packages, installed once a session; in CI a failure to install is a failure."""
    program("node", "--version", 20)
    npm = shutil.which("npm")
    folder = tmp_path_factory.mktemp("node") / "follower"
    shutil.copytree(EXAMPLES / "node", folder)
    why = "npm is not on this machine"
    if npm is not None:
        # the registry is whatever this machine's npm is set to
        done = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"], cwd=folder,
            capture_output=True, text=True, timeout=300, check=False,
        )
        if done.returncode == 0:
            return folder
        why = f"npm cannot install: {done.stderr.strip()[-300:]}"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def node(node_folder: Path) -> Run:
    """Run a file of the follower, or a line of JavaScript (`-e`); what it printed. Raises CalledProcessError."""

    def run(*arguments: object, check: bool = True) -> str:
        done = subprocess.run(
            [shutil.which("node") or "node", *map(str, arguments)], cwd=node_folder, capture_output=True, text=True,
            timeout=120, check=False,
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout if check else done.stderr

    return run
