from collections.abc import Iterator
from pathlib import Path

import pytest

from a4s_pipeline_tests.sync.conftest import (
    _swift_retries,
    world,
)
from a4s_pipeline_tests.weather.ground.ground import Ground
from a4s_sandbox import World

__all__ = [
    "_swift_retries",
    "world",
]


@pytest.fixture(autouse=True)
def _many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a few records at a time, so that forty orders have as many transactions as thousands."""
    monkeypatch.setattr("a4s_pipeline.sync.batches.LARGEST_BATCH", 5)
    monkeypatch.setattr("a4s_pipeline.sync.orders.order_pages._ORDERS_IN_FLIGHT_PER_CONNECTION", 2)


@pytest.fixture
def ground(world: World, empty_warehouse: Path, tmp_path: Path) -> Iterator[Ground]:
    with Ground(tmp_path, world=world, empty=empty_warehouse) as made:
        yield made
