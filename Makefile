# Two commands are enough: `make demo` shows the whole loop, `make test` runs every check that CI runs.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
OUT ?= demo
VIDEO ?=
TEST ?=
JOBS ?= logical
# A file stays in one process, which shares its fixtures; in the order of their names, else files of few, long tests would come last.
SPREAD := --dist loadfile --no-loadscope-reorder

# The many processes of the tests would each compile torch and transformers anew, which is half of what importing them takes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup setup-test demo test coverage test-compose lint bench pins

# The stamp holds the pins it was made from: set-up again costs nothing until a pin or pyproject.toml changes.
.venv/.train: requirements/train.txt pyproject.toml
	@./.ci/setup train
.venv/.test: requirements/test.txt pyproject.toml
	@./.ci/setup test

setup: .venv/.train ## create .venv and install what running needs

setup-test: .venv/.test

demo: setup ## one video through the whole loop: VIDEO=path, or a synthetic one
	@set -e; video="$(VIDEO)"; \
	if [ -z "$$video" ]; then video=$$($(BIN)/stepgraph synth --videos 1 --seed 7 --out "$(OUT)/worlds"); fi; \
	$(BIN)/stepgraph run "$$video" --out "$(OUT)"

lint: setup-test ## style, formatting, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Beyond four processes the engines, which all share, and memory (each loads torch) are the limit.
test: setup-test $(if $(TEST),,lint) ## everything that CI runs; TEST=tests/workers: that file or folder, in one process, without lint
	$(BIN)/python -m pytest -m "not compose" $(or $(TEST),--numprocesses $(JOBS) --maxprocesses 4 $(SPREAD))

coverage: setup-test ## all tests once more, much slower, with the share of lines that they run
	$(BIN)/python -m pytest -m "not compose" --numprocesses $(JOBS) --maxprocesses 4 $(SPREAD) --cov

test-compose: setup-test ## docker compose up --build, and the end-to-end test against it
	$(BIN)/python -m pytest -m compose

bench: setup-test ## every benchmark, as tables
	$(BIN)/python -m benchmarks

pins: setup-test ## compile requirements/*.txt anew from pyproject.toml
	$(BIN)/uv pip compile -q pyproject.toml --extra train --extra test --universal --python-version 3.11 --generate-hashes --no-header -o requirements/test.txt
	$(BIN)/uv pip compile -q pyproject.toml --extra train --universal --python-version 3.11 --generate-hashes --no-header -c requirements/test.txt -o requirements/train.txt
	$(BIN)/uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -c requirements/test.txt -o requirements/base.txt
