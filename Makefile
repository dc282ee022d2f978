# make demo, make test and make dev need Python 3.11 or newer and nothing else: they set up .venv first.
PYTHON ?= python3
BIN := .venv/bin
UI_PORT ?= 3000
POINTS ?= 1000@0 1000@5 1000@20 1000@50 3600@20
SIZES ?= 10000 100000 1000x10

.DEFAULT_GOAL := help

.PHONY: help demo test nightly bench dev lint clean

help:
	@echo 'make demo | test | nightly | bench | lint | dev | clean'

demo: .venv/ready
	$(BIN)/a4s demo

test: .venv/ready
	$(BIN)/pytest -q -n 2

# An hour, or NIGHTLY_MINUTES: bad weather and kills at random, with a report of what was tried.
nightly: .venv/ready
	$(BIN)/pytest -n 2 -m nightly --timeout 0 -rA

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

dev: .venv/ready
	$(BIN)/a4s dev --port $(UI_PORT)

# Imports beside the bare network and dlt, answers on demand, and what grows: half an hour on two cores.
# Fewer or other points: make bench POINTS='3600@20 15000@0' SIZES=10000
bench: .venv-bench/ready
	.venv-bench/bin/python -m benchmarks.imports $(POINTS)
	.venv-bench/bin/python -m benchmarks.on_demand
	.venv-bench/bin/python -m benchmarks.growth $(SIZES)

.venv-bench/ready: pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	touch $@

.venv/ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv .venv-bench build demo-data .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
