import gc
from collections.abc import Iterator
from contextlib import suppress

import pytest

from a4s_pipeline.heap import nothing_collected, old_objects_left_alone


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_nothing_is_collected_while_modules_load_and_all_is_after_a_failure_too() -> None:
    with suppress(ImportError), nothing_collected():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    with nothing_collected():
        pass
    assert not gc.isenabled()


def test_old_objects_are_left_alone_and_looked_at_again_afterwards() -> None:
    with old_objects_left_alone():
        assert gc.get_freeze_count() > 1000
    assert gc.get_freeze_count() == 0
