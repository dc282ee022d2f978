import os
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import pytest

from a4s_pipeline_tests.support.nightly import Night
from a4s_pipeline_tests.weather.ground.ground import (
    STREAMS,
    Ground,
    assert_same,
    doubled,
    fill,
    rows_of,
    sync,
    sync_until_done,
)
from a4s_sandbox import Faults
from a4s_sandbox.faults import DRAWN, ON_THE_WIRE


def _mix(chance: Random, codes: list[str]) -> Faults:
    """Any faults at any rates: a single one at up to 50 %, or many at once."""
    drawn = (*DRAWN, *ON_THE_WIRE)
    names = chance.sample(drawn, chance.choice((1, 2, 4, len(drawn))))
    heaviest = 0.5 / len(names)
    rates: dict[str, Any] = {name: chance.uniform(0, heaviest) for name in names}
    return Faults(
        **rates,
        # Each makes a call wait as long as its time-out; a storm of an hour is to hold many others.
        times=300 if "hang" in names else None,
        hang_seconds=0.4,
        repeat_rows=chance.choice((0, 0, 1, 4, 9)),
        ignore_order_date_to=chance.random() < 0.3,
        no_date_header=chance.random() < 0.2,
        clock_skew_seconds=chance.choice((0, 0, 3600, -3600)),
        retry_after_seconds=0,
        lines_404=set(chance.sample(codes, chance.choice((0, 3, 20)))),
        lines_500=set(chance.sample(codes, chance.choice((0, 3)))),
        forbidden=set(chance.sample(codes, chance.choice((0, 3)))),
        page_cap=chance.choice((None, None, 2, 7)),
        skips_as_asked=chance.random() < 0.5,
        total=chance.choice(("listing", "listing", "page", "absent", "text")),
        nothing=chance.choice(("page", "204", "null")),
        past_end=chance.choice(("empty", "empty", "404")),
        seed=chance.randrange(2**32),
    )


def _storm(seed: int, folder: Path, empty: Path) -> tuple[int, int]:
    """Import in weather of this seed; return the number of syncs and of repeated calls."""
    chance = Random(seed)
    folder.mkdir()
    with Ground(folder, empty) as ground:
        fill(ground.source, orders=chance.randrange(10, 150), seed=seed)
        codes = sorted(ground.source.orders.keys())
        site = ground.new_site(
            page_size=chance.choice((1, 3, 10, 50)),
            max_connections=chance.choice((1, 4, 16)),
            timeout_seconds=0.3,
        )
        faults = _mix(chance, codes)

        def turn() -> None:
            ground.sandbox.faults = faults = _mix(chance, codes)
            if chance.random() < 0.5:
                faults.lines_404.clear()
                faults.lines_500.clear()
                faults.forbidden.clear()

        ground.sandbox.faults = faults
        syncs = sum(sync_until_done(site, stream, most=300, between=turn) for stream in STREAMS)
        assert doubled(site) == []
        held = rows_of(site)
        calm = ground.calm_rows()
        assert_same(held, calm)
        for stream in STREAMS:
            sync(site, stream, whole=True)
        assert_same(rows_of(site), calm)
        return syncs, sum(result.retries for result in site.platform.results)


@pytest.mark.nightly
def test_any_mix_of_faults_at_any_rates_leaves_the_rows_of_a_calm_import(
    tmp_path: Path, empty_warehouse: Path
) -> None:
    night, storms, syncs, retries = Night(share=0.3), 0, 0, 0
    first = int(os.environ.get("WEATHER_SEED") or SystemRandom().randrange(2**32))
    while storms == 0 or not night.is_over:
        seed = first + storms
        try:
            took = _storm(seed, tmp_path / str(seed), empty_warehouse)
        except BaseException as failure:
            failure.add_note(
                f"WEATHER_SEED={seed} NIGHTLY_MINUTES=0 has it again: pytest -m nightly {__file__}"
            )
            raise
        storms, syncs, retries = storms + 1, syncs + took[0], retries + took[1]
    seeds = f"{storms} storms, seeds from {first} on"
    print(f"{seeds}: {syncs} syncs, {retries} calls repeated, {night.seconds:.0f} s")  # noqa: T201 - shown by -rA
