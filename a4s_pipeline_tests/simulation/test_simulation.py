"""Runs that are drawn from seeds and can be repeated."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom

import pytest

from a4s_pipeline_tests.simulation.defects import DEFECTS
from a4s_pipeline_tests.simulation.oracle import Oracle
from a4s_pipeline_tests.simulation.play import play
from a4s_pipeline_tests.support.nightly import Night
from a4s_pipeline_tests.support.project import ROOT

_BY_DAY = 100
_AT_A_TIME = 10
_MOST_AT_NIGHT = 10_000
_TRIED = 60


@pytest.mark.parametrize(
    "first",
    [0, *(pytest.param(first, marks=pytest.mark.slow) for first in range(_AT_A_TIME, _BY_DAY, _AT_A_TIME))],
)
def test_whatever_a_seed_draws_the_tables_are_the_worlds_and_nothing_is_booked_twice(
    first: int, tmp_path: Path, empty_warehouse: Path
) -> None:
    for seed in range(first, first + _AT_A_TIME):
        play(seed, tmp_path / str(seed), empty_warehouse)


def test_the_same_seed_is_the_same_run_in_another_process_and_another_is_not(
    tmp_path: Path, empty_warehouse: Path
) -> None:
    seeds = (1, 2, 5)
    digests = [play(seed, tmp_path / str(seed), empty_warehouse).digest for seed in seeds]
    again = subprocess.run(
        [sys.executable, "-m", "a4s_pipeline_tests.simulation.play", *map(str, seeds)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line for line in again.stdout.splitlines() if " " not in line] == digests
    assert len(set(digests)) == len(seeds)


def test_a_run_that_fails_says_how_it_is_played_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty_warehouse: Path
) -> None:
    seed = 4
    monkeypatch.setattr(Oracle, "digest", lambda _: pytest.fail("something is wrong"))
    with pytest.raises(pytest.fail.Exception) as failed:
        play(seed, tmp_path / "run", empty_warehouse)
    trace, how = failed.value.__notes__
    assert "director/director" in trace
    assert how == f"python -m a4s_pipeline_tests.simulation.play {seed} plays it again"


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_each_deliberate_defect_is_found(
    defect: Callable[[pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    empty_warehouse: Path,
) -> None:
    defect(monkeypatch)
    # The seed that found it once; what is drawn for it may change with the product.
    for seed in (DEFECTS[defect], *range(_TRIED)):
        try:
            play(seed, tmp_path / str(seed), empty_warehouse)
        except AssertionError:
            return
    raise AssertionError("not found: look for a seed that finds it")


@pytest.mark.nightly
def test_no_seed_that_a_night_can_play_finds_anything(tmp_path: Path, empty_warehouse: Path) -> None:
    night, played, lives = Night(share=0.5), 0, 0
    first = int(os.environ.get("SIMULATION_SEED") or SystemRandom().randrange(2**32))
    while played == 0 or (not night.is_over and played < _MOST_AT_NIGHT):
        lives += play(first + played, tmp_path / str(played), empty_warehouse).lives
        played += 1
    print(f"{played} seeds from {first} on, {lives} processes; {night.seconds:.0f} s")  # noqa: T201 - shown by -rA
