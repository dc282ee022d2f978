"""The stateful test: the source changes, the weather turns, syncs run and are killed, in any order."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from a4s_pipeline.sync.windows import OrdersPlan
from a4s_pipeline_tests.sync.conftest import EVERYTHING
from a4s_pipeline_tests.weather.ground import truths
from a4s_pipeline_tests.weather.ground.changes import ANY, DAYS
from a4s_pipeline_tests.weather.ground.checked_syncs import OF_MARCH, CheckedSyncs
from a4s_pipeline_tests.weather.ground.ground import STREAMS, assert_same, rows_of, sync
from a4s_pipeline_tests.weather.ground.kills import MOMENTS
from a4s_pipeline_tests.weather.ground.midway import CHANGES, Midway
from a4s_pipeline_tests.weather.ground.source import RECORD_STREAMS
from a4s_sandbox import Faults

FAULTS = (
    "reset",
    "cut",
    "clipped",
    "html",
    "too_many",
    "too_many_date",
    "server_error",
    "unavailable",
    "interim",
    "longer",
)
WAYS_OF_PAGING: list[dict[str, Any]] = [
    {},
    {"page_cap": 2},
    {"page_cap": 3, "skips_as_asked": True},
    {"page_cap": 3, "skips_as_asked": True, "total": "page"},
    {"total": "absent", "nothing": "204"},
    {"uncounted": 3, "past_end": "404"},
    {"past_end": "500"},
    {"blank_pages": frozenset({1})},
]
ROUTES = ("status", "orders", "order_lines", "items", "customers")

RATES = st.dictionaries(st.sampled_from(FAULTS), st.sampled_from([0.03, 0.15, 0.4]), max_size=4)
SCRIPTS = st.dictionaries(
    st.sampled_from(ROUTES),
    st.lists(st.sampled_from(["ok", *FAULTS]), min_size=1, max_size=12),
    max_size=2,
)
KILLS = st.one_of(
    st.none(),
    st.tuples(st.sampled_from(MOMENTS), st.integers(1, 8)),
    st.tuples(st.just("before a statement"), st.integers(1, 40)),
)


class Weather(CheckedSyncs):
    """Syncs of a changing source in every weather."""

    # The weather

    @rule(
        rates=RATES,
        script=SCRIPTS,
        seed=ANY,
        repeat_rows=st.integers(0, 3),
        skew=st.sampled_from([0, 3600, -3600]),
        flags=st.tuples(st.booleans(), st.booleans()),
        spoilt=st.sets(ANY, max_size=3),
        paging=st.sampled_from(WAYS_OF_PAGING),
    )
    def the_weather_turns(
        self,
        rates: dict[str, float],
        script: dict[str, list[str]],
        seed: int,
        repeat_rows: int,
        skew: int,
        flags: tuple[bool, bool],
        spoilt: set[int],
        paging: dict[str, Any],
    ) -> None:
        codes = sorted(self.source.there)
        self.ground.sandbox.faults = Faults(
            **rates,  # type: ignore[arg-type]
            script={route: list(names) for route, names in script.items()},
            seed=seed,
            repeat_rows=repeat_rows,
            clock_skew_seconds=skew,
            no_date_header=flags[0],
            ignore_order_date_to=flags[1],
            lines_404={codes[number % len(codes)] for number in spoilt if number % 3 == 0},
            lines_500={codes[number % len(codes)] for number in spoilt if number % 3 == 1},
            forbidden={codes[number % len(codes)] for number in spoilt if number % 3 == 2},
            retry_after_seconds=0,
            **paging,
        )

    @rule()
    def it_calms_down(self) -> None:
        self.ground.sandbox.faults = Faults()

    # The syncs

    @rule(
        plan=st.sampled_from([OrdersPlan()] * 3 + [EVERYTHING, OF_MARCH]),
        kill=KILLS,
        change=st.none() | st.tuples(st.sampled_from(CHANGES), st.integers(0, 4), ANY, DAYS),
    )
    def a_sync_of_orders(
        self, plan: OrdersPlan, kill: tuple[str, int] | None, change: tuple[str, int, int, str] | None
    ) -> None:
        if change is None:
            self.sync_orders(plan, kill)
            return
        kind, page, which, day = change
        code = self.chosen(self.source.there, which) if len(self.source.there) > 1 else None
        self.sync_orders(plan, kill, Midway(kind, page, code, next(self.new_codes), day))

    @rule(stream=st.sampled_from([*RECORD_STREAMS]), kill=KILLS)
    def a_sync_of_records(self, stream: str, kill: tuple[str, int] | None) -> None:
        self.sync_records(stream, kill)

    # The end

    def teardown(self) -> None:
        try:
            if self.is_sound and self.source.there:
                self._compare_with_a_calm_import()
        finally:
            self.ground.__exit__()
            shutil.rmtree(self.folder)

    def _compare_with_a_calm_import(self) -> None:
        self.ground.sandbox.faults = Faults()
        for stream in STREAMS:
            result = sync(self.site, stream, whole=True)
            assert not result.leaves_work
            assert result.removals_withheld is None
        held = truths.held_orders(self.site)
        truths.assert_read_whole(held, self.source, set())
        # An order that cannot be read any more stays as it was when it could.
        spoilt = frozenset(code for code, order in self.source.there.items() if not order.is_readable)
        assert_same(rows_of(self.site, spoilt), self.ground.calm_rows())
        # Orders of the machine are an hour or more from now.
        past = [order.at for order in self.source.there.values() if order.is_readable]
        watermark = truths.watermark_of(self.site)
        assert watermark is not None
        assert watermark >= max(at for at in past if at <= datetime.now(UTC))
