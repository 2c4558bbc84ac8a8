"""The mirror under kill -9 and on a disk that takes no more."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from registry.editions import RECORD, content_root
from registry.liststate import STATE
from sync.liststate import read_state
from sync.mirror import Mirror
from tests.sync.test_mirror import NONE, drawn, files, filled, whole

TAKE_EDITIONS = """
import sys
from pathlib import Path
from registry.editions import content_root, exceptions_root, split
from sync.mirror import Mirror
from tests.sync.test_mirror import delta_for, drawn, exceptions
mirror = Mirror.open(Path(sys.argv[1]))
print("up", flush=True)
while True:
    edition = mirror.edition + 1
    if edition % 5 == 0:
        mirror.replace([drawn(4000, edition)], edition=edition, epoch=1, algorithm="aes-cmac-64")
    elif edition % 5 == 2:
        fresh, beside = drawn(4000, edition), exceptions((edition, 2, 1, 1, 1, 1, 0))
        parts, roots = split(fresh), (content_root(fresh), exceptions_root(beside))
        mirror.rebuild(
            lambda number: parts[number].tobytes(), beside, edition=edition, epoch=1, algorithm="aes-cmac-64",
            roots=roots,
        )
    else:
        mirror.apply(delta_for(drawn(4000, 1), 300, edition), exceptions((edition, 1, 1, 1, 1, 1, 0)), edition=edition)
"""

FILL_THE_DISK = """
import resource, sys
from pathlib import Path
from registry.errors import UnavailableError
from sync.mirror import Mirror
from tests.sync.test_mirror import drawn
mirror = Mirror.open(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    mirror.replace([drawn(400_000, 3)], edition=2, epoch=1, algorithm="aes-cmac-64")
except UnavailableError as error:
    print(error.code, mirror.edition)
"""


def start(program: str, folder: Path) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    return subprocess.Popen([sys.executable, "-c", program, str(folder)], cwd=root, stdout=subprocess.PIPE, text=True)


def test_killed_at_any_moment_the_old_list_or_the_new_one_is_there_whole(tmp_path: Path) -> None:
    filled(tmp_path, drawn(4000, 1))
    reached = 1
    for turn in range(8):
        process = start(TAKE_EDITIONS, tmp_path)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        time.sleep(random.Random(turn).uniform(0.02, 0.25))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        mirror = Mirror.open(tmp_path)
        mirror.verify()
        assert mirror.edition >= reached
        assert content_root(np.frombuffer(whole(mirror), RECORD)) == mirror.content_root
        reached = mirror.edition
    assert reached > 5
    mirror.apply(NONE, edition=reached + 1)
    assert files(tmp_path) == {*mirror.state.sizes, STATE, "lock"}


def test_a_disk_that_takes_no_more_leaves_the_old_list(tmp_path: Path) -> None:
    records = drawn(400, 1)
    filled(tmp_path, records)
    before = files(tmp_path)
    out, _ = start(FILL_THE_DISK, tmp_path).communicate()
    assert out == "state_unwritable 1\n"
    assert files(tmp_path) == before
    assert read_state(tmp_path).content_root == content_root(records).hex()
    Mirror.open(tmp_path).verify()
