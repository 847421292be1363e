# The front door: `make` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2
ARGS ?=
SHIFT ?= +12h
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-clock lint fmt soak bench lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## play a day of returns through the whole line (ARGS="--returns 40 --seed 7 --json")
	@$(BIN)/python -m sandbox.demo $(ARGS)

test: lint ## everything that must hold: lint, types, import contracts, tests
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

test-clock: $(READY) ## the tests on a clock that is ahead (SHIFT=+40d ARGS="tests/flow"; Linux on x86_64)
	$(BIN)/python -m tests.shifted $(SHIFT) -n $(JOBS) $(ARGS)

lint: $(READY) ## style, types and import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(READY) ## format, and mend what can be mended
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

soak: $(READY) ## returns under siege, then the reckoning (ARGS="--minutes 10 --returns 1000 --seed 7")
	$(BIN)/python -m bench.soak --minutes 5 --returns 300 $(ARGS)

bench: $(READY) ## measure; each bench prints ratios taken in one run
	@set -e; for bench in bench/*.py; do echo "== $$bench"; $(BIN)/python $$bench $(ARGS); done

setup: $(READY) ## the virtual environment, from the hash-pinned lock

lock: $(READY) ## pin again from pyproject.toml (needs a package index)
	$(BIN)/python -m pip install --quiet "uv>=0.9"
	printf 'hatchling\neditables\n' | $(LOCK) pyproject.toml - --extra dev -o requirements.lock
	printf 'hatchling\n' | $(LOCK) pyproject.toml - -c requirements.lock -o requirements.run.lock

clean: ## remove the environment and caches; data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	@echo "setting up $(VENV) (about a minute, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@
