"""kill -9 during a publish: the copy opens, holds one whole state, and the next publish works."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from a4s_pipeline_tests.kills.conftest import Chances, Site, Workers, by_day_and_by_night, kill

ROWS = 40_000
WHO = ("the one that publishes", "the one that copies", "both")


def state(rows: list[tuple[object, ...]]) -> tuple[object, ...]:
    (row,) = rows
    return row


def one_whole_state(site: Site) -> object:
    """The generation in the copy; fails if it holds parts of two, or part of one."""
    query = "SELECT count(*), count(DISTINCT flow), max(flow) FROM flow_executions"
    count, generations, generation = state(site.published(query))
    assert (count, generations) == (ROWS, 1)
    return generation


def copier_of(site: Site, seconds: float = 60) -> int:
    """The copying process, once it has begun."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for note in site.data_dir.glob(".analytics.duckdb.*.tmp.pid"):
            with suppress(OSError, ValueError):
                process = int(note.read_text())
                note.unlink()
                return process
        time.sleep(0.001)
    pytest.fail("nothing is copied")


@by_day_and_by_night(share=0.15)
def test_a_publishing_that_is_killed_leaves_one_whole_copy_and_the_next_one_works(
    site_of: Callable[..., Site], workers: Workers, share: float | None
) -> None:
    chances = Chances(3, share)
    chance = chances.chance
    site = site_of()
    slow: dict[str, Any] = {"settings": site.chosen, "rows": ROWS, "slow": True}
    latest: object = ""
    for turn in chances:
        who = WHO[turn % 3]
        publisher = workers.start("fill_and_publish", **slow)
        # Some are killed at the second copying, so that there is a copy that may be spoilt.
        for _ in range(chance.randint(1, 2)):
            copier = copier_of(site)
        time.sleep(chance.uniform(0, 0.1))
        # Seen before the kill: a publisher that outlives its copier takes the part of a copy away at once.
        was_at_work = any(site.data_dir.glob(".analytics.duckdb.*.tmp"))
        if who != WHO[0]:
            kill(copier)
        if who == WHO[1]:
            # Without its copier a publisher says that the last copy stays, unless the copy was made by then.
            time.sleep(0.3)
        kill(publisher)
        assert workers.ended() in (1, -9)
        chances.kills += was_at_work
        if site.settings.analytics_path.exists():
            generation = one_whole_state(site)
            assert str(generation) >= str(latest)
            latest = generation
    # One that was left alone by the kill of its publisher ends by itself.
    published = site.platform.publish()
    assert one_whole_state(site) == state(site.query("SELECT max(flow) FROM flow_executions"))[0]
    assert published.size == site.settings.warehouse_path.stat().st_size
    assert chances.is_half_kills
    chances.tell()
