"""Sequences that chance rarely finds, each as a rule."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from a4s_pipeline.sync.windows import OrdersPlan
from a4s_pipeline_tests.sync.conftest import EVERYTHING
from a4s_pipeline_tests.weather.ground import truths
from a4s_pipeline_tests.weather.ground.changes import ANY, DAYS
from a4s_pipeline_tests.weather.ground.checked_syncs import (
    FIRST,
    HISTORY_START,
    LAST,
    LOOKBACK,
    OF_MARCH,
    PAGE_SIZE,
)
from a4s_pipeline_tests.weather.ground.ground import STREAMS
from a4s_pipeline_tests.weather.ground.machine import Weather
from a4s_pipeline_tests.weather.ground.midway import Midway, at_page
from a4s_pipeline_tests.weather.ground.source import RECORD_STREAMS


class WeatherWithSequences(Weather):
    """Records that go and return, and pages that shift at the worst time."""

    @precondition(lambda self: len(self.source.there) > 1)
    @rule(which=ANY)
    def an_order_is_gone_for_a_while(self, which: int) -> None:
        self.it_calms_down()
        self.sync_orders(OrdersPlan())
        since = truths.start_of_span(truths.watermark_of(self.site), LOOKBACK, HISTORY_START)
        near = [code for code, order in self.source.there.items() if order.at >= since and not order.flaw]
        if set(near) <= {"ANCHOR"}:
            return
        code = self.chosen(near, which)
        self.source.remove(code)
        self.sync_orders(EVERYTHING)
        self.source.restore(code)
        self.sync_orders(OrdersPlan())

    @rule(which=ANY, day=DAYS)
    def an_order_leaves_march_and_march_is_read(self, which: int, day: str) -> None:
        self.it_calms_down()
        held = [code for code, order in truths.held_orders(self.site).items() if FIRST <= order.at < LAST]
        in_march = [code for code in held if code in self.source.there]
        if in_march:
            self.source.move(self.chosen(in_march, which), day)
            self.sync_orders(OF_MARCH)

    @rule(stream=st.sampled_from([*RECORD_STREAMS]), which=ANY)
    def a_record_is_gone_for_a_while(self, stream: str, which: int) -> None:
        self.it_calms_down()
        if len(self.source.records[stream]) > 1:
            self.sync_records(stream)
            code = self.chosen(self.source.records[stream], which)
            self.source.remove_record(stream, code)
            self.sync_records(stream)
            self.source.restore_record(stream, code)
            self.sync_records(stream)

    @rule(stream=st.sampled_from(STREAMS), statement=st.integers(2, 10))
    def a_first_import_is_killed_within_a_write(self, stream: str, statement: int) -> None:
        self.it_calms_down()
        self.start_anew()
        kill = ("before a statement", statement)
        if stream == "orders":
            self.sync_orders(OrdersPlan(), kill)
        else:
            self.sync_records(stream, kill)

    @precondition(lambda self: len(self.source.there) > 3 * PAGE_SIZE)
    @rule(
        kind=st.sampled_from(["go", "go", "come and go"]),
        page=st.integers(0, 1),
        which=ANY,
        later=st.integers(-2, 2),
    )
    def the_pages_of_a_first_import_shift_and_it_is_killed(
        self, kind: str, page: int, which: int, later: int
    ) -> None:
        self.it_calms_down()
        self.start_anew()
        now = datetime.now(UTC)
        pages = sum(order.at <= now for order in self.source.there.values()) // PAGE_SIZE
        # Around the last page: what was read before it is written, and not yet read again.
        self.sync_orders(
            OrdersPlan(), ("after a page", max(1, pages + later)), self._shift(kind, page, which)
        )

    @precondition(lambda self: len(self.source.there) > 2 * PAGE_SIZE)
    @rule(page=st.integers(0, 1), which=ANY)
    def one_order_goes_and_another_comes_while_all_are_read(self, page: int, which: int) -> None:
        self.it_calms_down()
        self.sync_orders(EVERYTHING)
        self.sync_orders(EVERYTHING, None, self._shift("come and go", page, which))

    def _shift(self, kind: str, page: int, which: int) -> Midway:
        """One of the orders read is removed; one added comes after the last of the dated ones."""
        listed = self.source.listed
        code = self.chosen(listed[: (page + 1) * PAGE_SIZE], which)
        now = datetime.now(UTC)
        _, day = max((order.at, order.day) for order in self.source.there.values() if order.at <= now)
        return Midway(kind, page, code, next(self.new_codes), day)

    @rule(stream=st.sampled_from([*RECORD_STREAMS]))
    def one_record_goes_and_another_comes_while_all_are_read(self, stream: str) -> None:
        self.it_calms_down()
        codes = sorted(self.source.records[stream])
        if len(codes) <= PAGE_SIZE:
            return
        self.sync_records(stream)

        def change() -> None:
            self.source.remove_record(stream, codes[1])
            self.source.put_record(stream, f"Z{next(self.new_codes)}")

        with at_page(self.ground.sandbox.faults, self.source, stream, 0, change):
            self.sync_records(stream)
