"""`a4s lake export` interrupted: started again, it ends with the rows of the file."""

import random
import signal
import time
from collections.abc import Callable

import pytest

from a4s_pipeline_tests.lake.moves import FILL, Move, all_rows
from a4s_pipeline_tests.support.nightly import at_night

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("pieces", [5, *at_night(1, 13)])
def test_one_that_broke_off_goes_on_although_the_file_was_synced_meanwhile(move: Move, pieces: int) -> None:
    left = iter(range(pieces))

    def advance(more: int, total: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move.export(advance=advance)
    assert all_rows(move.lake)["sync_state"] == []
    move.put(*range(5, 25), version=2)
    move.put(*range(30, 40))
    move.sync(move.of_file)
    move.export()
    move.assert_moved()


def test_a_watermark_is_in_the_lake_only_with_all_that_it_stands_for(move: Move) -> None:
    """Checked after each step of a first export and of one that replaces."""
    states: list[int] = []
    # Nobody can write to the file during an export: it is what it was before.
    file = all_rows(move.of_file.warehouse)

    def look(_more: int, _total: int) -> None:
        with move.lake.session() as connection:
            is_there = connection.execute("SELECT count(*) > 0 FROM sync_state").fetchall() == [(True,)]
        if is_there:
            states.append(1)
            lake = all_rows(move.lake)
            unlike = [name for name, rows in lake.items() if rows != file[name] and name != "sync_state"]
            assert unlike == []

    move.export(advance=look)
    move.put(*range(10, 40), version=2)
    move.sync(move.of_file)
    file = all_rows(move.of_file.warehouse)
    move.export(advance=after_the_first(look))
    assert states


@pytest.mark.parametrize("turns", [3, *at_night(12)])
def test_killed_again_and_again_at_any_time_it_ends_with_the_rows_of_the_file(move: Move, turns: int) -> None:
    move.put_hostile()
    move.of_file.warehouse.transact(lambda connection: connection.execute(FILL, {"rows": 200_000}) and None)
    all_rows(move.lake)
    chance = random.Random(seed := random.randrange(1_000_000))
    kills, partial_states = 0, 0
    for turn in range(turns):
        files = len(list(move.files.rglob("*")))
        process = move.start()
        # To start, and to compare both sides, takes longest; after that it writes.
        while process.poll() is None and len(list(move.files.rglob("*"))) == files:
            time.sleep(0.005)
        # The first comes soon, so that it leaves a part whatever the machine.
        time.sleep(chance.uniform(0, chance.choice([0.2, 2.0]) if turn else 0.2))
        process.send_signal(signal.SIGKILL)
        kills += process.wait() != 0
        with move.lake.session() as connection:
            # The first table and the last: all rows of all are many, and compared at the end.
            [(exports, states)] = connection.execute(
                "SELECT (SELECT count(*) FROM order_exports), (SELECT count(*) FROM sync_state)"
            ).fetchall()
        partial_states += exports > 0 and states == 0
        if turn % 3 == 1:
            move.put(30 + turn, *chance.sample(range(30), 5), version=turn)
            move.sync(move.of_file)
    assert move.start().wait() == 0, f"seed {seed}"
    move.assert_moved()
    assert partial_states > 0, f"seed {seed}"
    print(f"{kills} kills, {partial_states} partial states, seed {seed}")  # noqa: T201 - a report


def after_the_first(look: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Check after each step but the first, before which nothing was written."""
    steps = iter([1])

    def looked(more: int, total: int) -> None:
        if not next(steps, None):
            look(more, total)

    return looked
