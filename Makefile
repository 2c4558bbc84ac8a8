# What a developer or an operator types: run, demo, test, check, bench, faults, clean.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTANCE ?= instance
DEMO ?= instance-demo
ROWS ?= 10000000
SEED ?= 7

.PHONY: run demo test check bench faults install browser clean help

help: ## show this list
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/ -/'

$(VENV)/run.done: pyproject.toml .ci/constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else 0'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt -e .
	@touch $@

$(VENV)/test.done: $(VENV)/run.done
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt -e '.[test]'
	@touch $@

install: $(VENV)/run.done ## make .venv and install

run: $(VENV)/run.done ## prepare instance/ and start site and clockwork
	@exec $(BIN)/decline-call --instance $(INSTANCE) run

demo: $(VENV)/run.done ## the same with 100,000 registrations, two carriers that follow, and reports arriving
	@exec $(BIN)/decline-call --instance $(DEMO) demo

browser: ## install Chromium and a Chinese font where apt-get is usable
	@sh .ci/browser

test: $(VENV)/test.done browser ## every test
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

check: $(VENV)/test.done ## ruff, mypy, import-linter
	$(BIN)/ruff check registry sync web tests
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/test.done ## the benchmarks as one table (ROWS=1000000 SEED=7 to change)
	$(BIN)/python -m tests.bench --rows $(ROWS) --seed $(SEED)

faults: $(VENV)/test.done ## cause every fault we know to the real programs and check that all holds (half an hour; SEED=7)
	$(BIN)/python -m tests.faults all --seed $(SEED)

clean: ## remove the environment and caches, never an instance
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
