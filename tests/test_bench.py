"""The benchmarks still run: small, each in a process of its own as `make bench` runs it, with no look at its times."""

from __future__ import annotations

import pytest

from tests.bench.__main__ import run

ROWS = 2_000
SMALL = (  # ROWS bounds all they do
    "bench_pull", "bench_receipts", "bench_bulletin", "bench_cases", "bench_figures", "bench_queue",
)  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_runs_and_says_each_measure_with_its_bar(name: str) -> None:
    for measure, value, bar, met in run(name, ROWS, seed=7):
        assert measure != name, value
        assert value
        assert bar
        assert met in (True, False)
