"""Tells which changes of the models' SQL the tests notice, in the format of `mutmut results`.

    python -m a4s_pipeline_tests.mutants.models [WORD...]

Each change has a process that reads the changed text instead of the file. With words, only changes whose
names have them are tried.
"""

import io
import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from itertools import chain
from unittest.mock import patch

import pytest

from a4s_pipeline.models import reading
from a4s_pipeline.warehouse.schema.applied_schema import schema_of_file, schema_of_lake
from a4s_pipeline_tests.mutants.sql_changes import Change, changes_of

# Each model has its tests, the quick ones first; the others share those of sales.
_OF_SALES = ("models.test_days", "warehouse.schema.test_views", "models.test_sales")
_TESTS = {
    "dim_date": ("models.test_calendar",),
    "dim_customer": ("models.test_dimensions",),
    "dim_item": ("models.test_dimensions",),
    "stock_position": ("models.test_stock", "warehouse.schema.test_views"),
    "orders_without_lines": ("warehouse.schema.test_views",),
}
# It makes the demo's world, in ten seconds, and tells nothing of the models that the others do not.
_TOO_SLOW = "models/test_sales.py::test_every_place_that_shows_sales_shows_the_same"
# Only the plug-ins that these tests need: the others take longer to read than most of the tests to fail.
_ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
_PLUGINS = ("pytest_timeout", "_hypothesis_pytestplugin", "no:cacheprovider")
_ARGUMENTS = ("-x", "-q", "--tb=no", "--assert=plain", "--timeout=0", "--hypothesis-seed=0")
_FOLDER = __package__.partition(".")[0]


def changes() -> Iterator[tuple[str, Change]]:
    """Yield each change of each model."""
    for model, text in reading.texts().items():
        for change in changes_of(model, text):
            yield model, change


def _tests_of(model: str) -> tuple[str, ...]:
    return _TESTS.get(model, _OF_SALES)


def outcome(model: str, change: Change) -> str:
    """Run the models' tests with a change, in a process that does nothing else."""
    texts = reading.texts() | ({model: change.text} if change.text else {})
    for read_before in (reading.models_by, schema_of_file, schema_of_lake):
        read_before.cache_clear()
    files = [f"{_FOLDER}/{name.replace('.', '/')}.py" for name in _tests_of(model)]
    with (
        patch("a4s_pipeline.models.reading.texts", lambda: texts),
        patch.dict(os.environ, _ENVIRONMENT),
        redirect_stdout(io.StringIO()),
        redirect_stderr(io.StringIO()),
    ):
        status = pytest.main(
            [*_ARGUMENTS, *(f"-p{name}" for name in _PLUGINS), f"--deselect={_FOLDER}/{_TOO_SLOW}", *files]
        )
    if status == pytest.ExitCode.OK:
        return "survived"
    return "killed" if status == pytest.ExitCode.TESTS_FAILED else "suspicious"


def _told(asked: tuple[str, Change]) -> str:
    return f"{asked[1].name}: {outcome(*asked)}"


def main(words: list[str]) -> int:
    asked = [(model, change) for model, change in changes() if all(word in change.name for word in words)]
    # Else the tests of a change would share their empty store with those of another.
    os.environ.pop("PYTEST_XDIST_WORKER", None)
    suites = {_tests_of(model): (model, Change("as it is", "")) for model, _ in asked}
    for name in ("conftest", *chain(*suites)):
        import_module(f"{_FOLDER}.{name}")  # once, and not in each process
    with multiprocessing.get_context("fork").Pool(os.cpu_count(), maxtasksperchild=1) as pool:
        if set(pool.starmap(outcome, suites.values(), chunksize=1)) - {"survived"}:
            sys.stderr.write("the tests of the models fail without a change\n")
            return 2
        for line in pool.imap_unordered(_told, asked, chunksize=1):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
