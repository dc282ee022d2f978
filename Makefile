# make demo, make test and make dev need Python 3.11 or newer and nothing else: they set up .venv first.
PYTHON ?= python3
BIN := .venv/bin
UI_PORT ?= 3000
POINTS ?= 1000@0 1000@5 1000@20 1000@50 3600@20
SIZES ?= 10000 100000 1000x10
CLUSTER ?=
COMPOSE ?=
PYTHONS ?=
DUCKDBS ?=
TESTS ?=
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.DEFAULT_GOAL := help

.PHONY: help demo test test-slow test-versions newest nightly bench bench-cluster cluster cluster-deps test-cluster \
	compose-test release constraints dev lint mutants clean soak

help:
	@echo 'make demo | test | test-slow | test-versions | newest | nightly | soak | bench | bench-cluster | cluster |'
	@echo 'cluster-deps | test-cluster | compose-test | release | constraints | lint | dev | mutants | clean'

demo: .venv/installed
	$(BIN)/a4s demo

# Most tests, in four minutes on two quiet cores. CI runs the others as well.
test: .venv/ready
	$(BIN)/pytest -q -n 3 --dist worksteal -m 'not slow and not nightly and not cluster and not soak'

# The rest of the kills, bad weather, power cuts, files of earlier releases, and what else few changes break.
test-slow: .venv/ready
	$(BIN)/pytest -q -n 3 --dist worksteal -m 'slow and not nightly and not cluster and not soak'

# Every test on Python 3.12 to 3.14, where they can be had, and what touches files on each DuckDB from 1.4 on: an hour.
# Fewer: make test-versions PYTHONS=3.13 DUCKDBS=1.4
test-versions: .venv/ready
	PYTHONS='$(PYTHONS)' DUCKDBS='$(DUCKDBS)' .ci/versions

# The tests on the newest of everything that pyproject.toml allows: it says what is newer, and what broke.
# Fewer: make newest TESTS='warehouse installation'
newest: .venv/ready
	TESTS='$(TESTS)' .ci/newest

# An hour, or NIGHTLY_MINUTES: bad weather and kills at random, with a report of what was tried. Then the soak,
# the mutants and the containers.
nightly: .venv/ready .venv-cluster/ready .venv-dbt/ready .venv-mcp/ready
	$(BIN)/pytest -n 2 -m 'nightly and not cluster' --timeout 0 -rA
	$(CLUSTER_TESTS) --timeout 0 -m 'cluster and nightly' a4s_pipeline_tests/cluster a4s_pipeline_tests/lake
	$(CLUSTER_TESTS) --timeout 0 $(ON_A_LAKE)
	MANY_EXAMPLES=1 $(BIN)/pytest -q -n 2 --timeout 0 a4s_pipeline_tests/hostile
	MANY_EXAMPLES=1 $(BIN)/pytest -q -n 2 --timeout 0 -m 'hypothesis and not nightly and not cluster'
	$(MAKE) soak mutants compose-test

# An hour, or SOAK_MINUTES: Dagster and `a4s serve` with ten connectors, imports and questions without a pause. It tells
# what each process takes at the start and at the end, and fails where anything grows that is not data.
soak: .venv/ready
	$(BIN)/pytest -n 0 -m soak --timeout 0 -rA

# Changes the pure decisions, and the SQL of the models, in one place at a time. It fails where more changes go unnoticed
# by the tests than are known, and tells the score. `mutmut show NAME`, in .venv-mutants, prints one. Far from UTC, so that
# a forgotten time zone shows.
mutants: .venv-mutants/ready
	TZ=Asia/Kathmandu .venv-mutants/bin/mutmut run
	TZ=Asia/Kathmandu .venv-mutants/bin/python -m a4s_pipeline_tests.mutants.models > mutants/models.txt
	.venv-mutants/bin/mutmut results --all true | \
		.venv-mutants/bin/python -m a4s_pipeline_tests.mutants.survivors - mutants/models.txt

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

dev: .venv/installed
	$(BIN)/a4s dev --port $(UI_PORT)

# Imports beside the bare network and dlt, answers on demand, and what grows: half an hour on two cores.
# Fewer or other points: make bench POINTS='3600@20 15000@0' SIZES=10000
bench: .venv-bench/ready
	.venv-bench/bin/python -m benchmarks.imports $(POINTS)
	.venv-bench/bin/python -m benchmarks.on_demand
	.venv-bench/bin/python -m benchmarks.over_http
	.venv-bench/bin/python -m benchmarks.growth $(SIZES)
	.venv-bench/bin/python -m benchmarks.questions

# Dagster as on several machines, tried out on this one: an import of twenty connectors by PostgreSQL, Redis and
# Celery workers, all of them started for it in .cluster/ and stopped afterwards. To look at it in the UI:
# make cluster CLUSTER='--keep', and `.venv-cluster/bin/python -m cluster --help` names the rest.
cluster: .venv-cluster/ready
	.venv-cluster/bin/python -m cluster $(CLUSTER)

# Three minutes. `--store lake` has those tests of imports and exports run on a lake that depend on the store;
# `make nightly` has those of imports and retrieval do so in full, and most of the others can be run so too.
ON_A_LAKE := $(addprefix a4s_pipeline_tests/,sync/orders/test_order_import.py ondemand/orders/test_order_retrieval.py)
CLUSTER_TESTS := .venv-cluster/bin/pytest -q -n 3 --dist loadfile --store lake
test-cluster: .venv-cluster/ready
	$(CLUSTER_TESTS) -m '(cluster or both_stores) and not nightly' \
		a4s_pipeline_tests/cluster a4s_pipeline_tests/lake $(ON_A_LAKE) a4s_pipeline_tests/ondemand/orders/test_order_export.py

# The image built and deploy/compose.yaml run for real: twenty connectors, requests, a crash, a cut network, restarts. It
# needs Docker with its compose plugin; as root it starts a daemon of its own where none runs, and makes base images
# with debootstrap where none can be pulled. Without them it says so. Half an hour and more: a quarter of an hour of it is
# the time after which Dagster ends a run that a dead worker had taken.
# Less: make compose-test COMPOSE='--connectors 4 --orders 50'
compose-test: .venv/ready
	$(BIN)/python -m cluster.containers $(COMPOSE)

# Twenty connectors by one, two and three workers, and what readers wait for: eleven minutes on two quiet cores.
# Fewer: make bench-cluster CLUSTER='--orders 100 --workers 1 2'
bench-cluster: .venv-cluster/ready
	.venv-cluster/bin/python -m benchmarks.cluster $(CLUSTER)

# Of these only the programs are used. Debian starts a server of each when it installs them; ours take other ports.
cluster-deps:
	@command -v apt-get >/dev/null || { echo 'Without apt-get: install PostgreSQL and Redis as your system does.'; exit 1; }
	@echo 'This installs PostgreSQL and Redis from Debian, as root.'
	$(SUDO) apt-get update -qq
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql redis-server

.venv-cluster/ready: pyproject.toml
	$(PYTHON) -m venv .venv-cluster
	.venv-cluster/bin/pip install --quiet --disable-pip-version-check --constraint constraints/cluster.txt --editable '.[cluster-dev]'
	touch $@

# Of an environment of its own: what dbt depends on is not what Dagster does. Later versions have parts that PyPI lacks.
.venv-dbt/ready: pyproject.toml
	$(PYTHON) -m venv .venv-dbt
	.venv-dbt/bin/pip install --quiet --disable-pip-version-check 'dbt-core>=1.10,<1.12' 'dbt-duckdb>=1.9'
	touch $@

# It wants a DuckDB of its own version.
.venv-mcp/ready: pyproject.toml
	$(PYTHON) -m venv .venv-mcp
	.venv-mcp/bin/pip install --quiet --disable-pip-version-check 'mcp-server-motherduck>=1.1,<2'
	touch $@

.venv-mutants/ready: pyproject.toml
	$(PYTHON) -m venv .venv-mutants
	.venv-mutants/bin/pip install --quiet --disable-pip-version-check --constraint constraints/product.txt --editable '.[mutants]'
	touch $@

.venv-bench/ready: pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	touch $@

# Builds and checks what is given to others; it uploads nothing. RELEASE_TAG=yes tags it.
release: .venv/ready
	.ci/release

# The newest versions that fit the ranges of pyproject.toml, for every Python: what demo, test and CI install.
CONSTRAINTS := uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url
constraints: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/$(CONSTRAINTS) --extra dev --extra report pyproject.toml --output-file constraints/product.txt
	$(BIN)/$(CONSTRAINTS) --extra cluster-dev pyproject.toml --output-file constraints/cluster.txt

# What runs the product; .venv/ready has what tests it too.
.venv/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints/product.txt --editable '.[report]'
	touch $@

.venv/ready: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints/product.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv .venv-bench .venv-cluster .venv-dbt .venv-mcp .venv-mutants mutants .venv-versions .cluster build dist demo-data .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
