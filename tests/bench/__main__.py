"""`make bench`: runs every benchmark in a process of its own and prints one table (and README's, with --write)."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BENCHES = (
    "bench_lists", "bench_publish", "bench_many_feeds", "bench_drift", "bench_reports", "bench_pull", "bench_http",
    "bench_checks", "bench_scrub", "bench_scrub_jobs", "bench_receipts",
    "bench_bulletin", "bench_cases", "bench_figures", "bench_queue",
)  # fmt: skip
START, END = "<!-- bench -->", "<!-- /bench -->"

CHILD = """
import importlib, json, sys
module, rows, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
print("\\n@@" + json.dumps([list(row) for row in importlib.import_module("tests.bench." + module).measure(rows, seed)]))
"""


def run(name: str, rows: int, seed: int) -> list[list[str]]:
    """The rows of one benchmark: measure, value, bar, passed."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, name, str(rows), str(seed)], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        return [
            [name, f"failed: {done.stderr.strip().splitlines()[-1] if done.stderr else done.returncode}", "", "False"]
        ]
    found: list[list[str]] = json.loads(done.stdout.rsplit("\n@@", 1)[1])
    return found


def table(results: list[list[str]], rows: int, seed: int) -> str:
    """The results as a Markdown table with the line that says how they were made."""
    lines = ["| measure | value | bar | met |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {measure} | {value} | {bar} | {'yes' if str(passed) == 'True' else '**no**'} |"
        for measure, value, bar, passed in results
    ]
    made = f"Python {platform.python_version()}, {platform.machine()}, 2 cores of a shared machine"
    note = f"`make bench ROWS={rows} SEED={seed}`, {made}."
    return "\n".join([*lines, "", note])


def main() -> int:
    """Run what was asked for; 0 even where a bar is missed, for the table says so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", choices=BENCHES, action="append")
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    asked = parser.parse_args()
    results = [row for name in asked.only or BENCHES for row in run(name, asked.rows, asked.seed)]
    text = table(results, asked.rows, asked.seed)
    print(text)
    if asked.write:
        readme = ROOT / "README.md"
        before, rest = readme.read_text().split(START)
        readme.write_text(before + START + "\n" + text + "\n" + END + rest.split(END)[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
