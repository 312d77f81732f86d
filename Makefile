# Two commands do everything that a newcomer needs: `make run` and `make test`. The others are for people who work on planloom.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORK_ITEM := work-item-001-create-a-structured
PYTEST_ARGS ?=
WORKERS ?= 2

# Tests start planloom hundreds of times: without compiled modules each start would compile the package again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run smoke test lint types layers unit generated docs soak bench lock clean

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

# The lock's digest stands in the stamp, so that a changed lock is installed and an unchanged one costs nothing.
$(STAMP): requirements.lock pyproject.toml .ci/venv
	bash .ci/venv "$(PYTHON)" "$(VENV)"

setup: $(STAMP) ## make .venv from requirements.lock

run: $(STAMP) ## carry out plan 001-create-a-structured here, verify the records, print where they lie
	bash .ci/demonstrate "$(BIN)/planloom" "$(WORK_ITEM)"

smoke: $(STAMP) ## the four commands of the smoke test in a fresh project
	bash .ci/smoke "$(BIN)/planloom" "$(WORK_ITEM)"

test: lint types layers generated unit ## the gate: style, types, layers, generated files, tests

lint: $(STAMP) ## ruff, as linter and as formatter
	$(BIN)/ruff check compiler tests
	$(BIN)/ruff format --check compiler tests

types: $(STAMP) ## mypy, strict
	$(BIN)/mypy

layers: $(STAMP) ## imports go down only; every dependency is declared and used
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry compiler

unit: $(STAMP) ## the tests, but for those that take long
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not soak" $(PYTEST_ARGS)

generated: $(STAMP) ## compiled workflows and reference pages are what the sources say
	$(BIN)/python -m planloom.emit.schemas --check
	$(BIN)/planloom compile --check
	$(BIN)/python -m planloom.report.diagnostics_pages --check
	$(BIN)/python -m planloom.report.docs --check

docs: $(STAMP) ## write the schemas, what this repository compiles to, and the reference pages under generated/docs
	$(BIN)/python -m planloom.emit.schemas --write
	$(BIN)/planloom compile
	$(BIN)/python -m planloom.report.diagnostics_pages --write
	$(BIN)/python -m planloom.report.docs --write

soak: $(STAMP) ## the tests that take long
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m soak --timeout 3600 $(PYTEST_ARGS)

bench: $(STAMP) ## the benchmarks: ratios measured in one run
	$(BIN)/python -m pytest -q -p no:randomly -s -o python_files='*.py' tests/benchmarks $(PYTEST_ARGS)

lock: $(STAMP) ## resolve the dependencies again (the one target that asks a package index)
	bash .ci/lock "$(BIN)"

clean: ## remove what the other targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find compiler tests -name __pycache__ -type d -prune -exec rm -rf {} +
