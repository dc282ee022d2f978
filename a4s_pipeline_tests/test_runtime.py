import gc
from collections.abc import Iterator

import pytest

from a4s_pipeline.runtime import old_objects_left_alone


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_old_objects_are_left_alone_and_looked_at_again_afterwards() -> None:
    with old_objects_left_alone():
        assert gc.get_freeze_count() > 1000
    assert gc.get_freeze_count() == 0
