import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.settings.store_location import SqliteLake
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline_tests.support.demo_copy import publish_demo_copy
from a4s_pipeline_tests.support.kept_open import stores_kept_open
from a4s_pipeline_tests.support.lakes import cheaply, close_lakes
from a4s_pipeline_tests.support.made_once import made_once
from a4s_pipeline_tests.support.nightly import examples

# What is imported once stays: to look through it again and again while more comes costs a second a worker.
gc.disable()

# How long an example takes says how busy the machine is, and nothing of the product.
settings.register_profile("ours", deadline=None, max_examples=examples(30, 1000))
settings.load_profile("ours")


# What passed is thrown away, so that a run holds 100 MB at a time.
_ENOUGH_MEMORY = 2 << 30


@pytest.fixture(autouse=True)
def _settings_of_our_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the tester's own settings, `.env` and Dagster home away from the tests."""
    for name in list(os.environ):
        if name.startswith(("A4S_", "DAGSTER_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an empty store to copy from: creating its schema costs a third of a second."""

    def make(folder: Path) -> None:
        with WarehouseFile(folder / "warehouse.duckdb").session():
            pass

    return made_once(tmp_path_factory, "empty", make) / "warehouse.duckdb"


@pytest.fixture(scope="session")
def demo_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published copy of one administration of the demo's world; made once, never changed."""
    return made_once(tmp_path_factory, "demo", publish_demo_copy) / "analytics.duckdb"


@pytest.fixture(autouse=True)
def _new_stores_are_copies(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    empty_warehouse: Path,
) -> Iterator[None]:
    """Copy each new store of this process from one made before, which takes a tenth of the work.

    The product brings a store with other conventions up to date, as it does with an older version. A test
    marked `from_nothing` is about how a store comes to be.
    """
    if request.node.get_closest_marker("from_nothing") is None:
        make = "a4s_pipeline.warehouse.file.warehouse_file._make_empty"
        monkeypatch.setattr(make, partial(shutil.copyfile, empty_warehouse))
        attach = "a4s_pipeline.warehouse.lake.attached._attached"
        monkeypatch.setattr(attach, cheaply(tmp_path_factory))
    yield
    close_lakes()


@pytest.fixture
def stores_stay_open(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the stores of a test open while it lasts, unless another process opens one, as marked `cold`."""
    if request.node.get_closest_marker("cold") is not None:
        yield
        return
    with stores_kept_open(monkeypatch):
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Keep the tests' files in memory if there is enough: a disk adds milliseconds to each sync."""
    memory = Path("/dev/shm")
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK):
        return
    if shutil.disk_usage(memory).free > _ENOUGH_MEMORY:
        os.environ["TMPDIR"] = tempfile.tempdir = str(memory)


def pytest_collection_finish() -> None:
    """Collect garbage again, of what the tests leave."""
    gc.freeze()
    gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--store",
        choices=("file", "lake"),
        default="file",
        help="where tests keep their warehouse; some are about the file, or a cluster, and need theirs",
    )


@pytest.fixture(autouse=True)
def _in_a_lake(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the same tests on a lake whose catalog is in SQLite."""
    if request.config.getoption("store") == "file" or request.node.get_closest_marker("cluster"):
        return

    def place(settings: Settings) -> SqliteLake:
        folder = settings.data_dir.absolute()
        return SqliteLake(folder / "catalog.sqlite", f"{folder}/lake/")

    monkeypatch.setattr(Settings, "warehouse_location", property(place))
