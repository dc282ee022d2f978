"""The rules by which the stateful test's source changes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from a4s_pipeline_tests.weather.ground.source import HEADER_FLAWS, LINES_FLAW, RECORD_STREAMS, Source

# Few days, so that orders fall on one instant; the days of the change of the clocks are among them.
PAST = st.builds(
    lambda day, clock, offset: f"{date(2024, 2, 20) + timedelta(days=day)}T{clock}{offset}",
    st.integers(0, 45),
    st.sampled_from(["00:00:00", "02:30:00", "09:00:00", "23:59:59.999999"]),
    st.sampled_from(["", "Z", "+01:00", "-05:30"]),
)
AROUND_NOW = st.sampled_from([-40, -6, -1, 1, 30]).map(
    lambda hours: (datetime.now(UTC) + timedelta(hours=hours)).replace(microsecond=0).isoformat()
)
DAYS = st.one_of(PAST, PAST, AROUND_NOW)
LINES = st.integers(0, 3)
ANY = st.integers(0, 10_000)


class ChangingSource(RuleBasedStateMachine):
    """Orders, items and customers that are added, changed and removed."""

    source: Source

    def __init__(self) -> None:
        super().__init__()
        self.new_codes = iter(f"N{number:03d}" for number in range(1000))

    @initialize(days=st.lists(DAYS, min_size=6, max_size=14))
    def some_history(self, days: list[str]) -> None:
        # One of each stays for good: a listing that comes back empty is no proof that all are gone.
        self.source.put("ANCHOR", "2024-02-15T09:00:00", 1)
        for day in days:
            self.source.put(next(self.new_codes), day, 2)
        for stream in RECORD_STREAMS:
            for code in ("ANCHOR", "B", "C", "D"):
                self.source.put_record(stream, code)

    def chosen(self, codes: Collection[str], number: int) -> str:
        """Return one of the codes by any number."""
        found = sorted(set(codes) - {"ANCHOR"})
        return found[number % len(found)]

    @precondition(lambda self: len(self.source.there) < 40)
    @rule(day=DAYS, lines=LINES)
    def an_order_comes(self, day: str, lines: int) -> None:
        self.source.put(next(self.new_codes), day, lines)

    @precondition(lambda self: len(self.source.there) > 1)
    @rule(which=ANY)
    def an_order_comes_at_the_same_instant(self, which: int) -> None:
        self.source.put(next(self.new_codes), self.source.there[self.chosen(self.source.there, which)].day, 1)

    @precondition(lambda self: len(self.source.there) > 1)
    @rule(which=ANY, lines=st.none() | LINES)
    def a_header_changes(self, which: int, lines: int | None) -> None:
        self.source.change_header(self.chosen(self.source.there, which), lines)

    @precondition(lambda self: len(self.source.there) > 1)
    @rule(which=ANY, lines=LINES)
    def lines_change_under_a_header(self, which: int, lines: int) -> None:
        self.source.edit_lines(self.chosen(self.source.there, which), lines)

    @precondition(lambda self: len(self.source.there) > 1)
    @rule(which=ANY, day=DAYS)
    def an_order_moves(self, which: int, day: str) -> None:
        self.source.move(self.chosen(self.source.there, which), day)

    @precondition(lambda self: len(self.source.there) > 1)
    @rule(which=ANY)
    def an_order_goes(self, which: int) -> None:
        self.source.remove(self.chosen(self.source.there, which))

    @precondition(lambda self: self.source.gone)
    @rule(which=ANY)
    def an_order_comes_back(self, which: int) -> None:
        self.source.restore(self.chosen(self.source.gone, which))

    @precondition(lambda self: len(self.source.there) > 1)
    @rule(which=ANY, flaw=st.sampled_from([*HEADER_FLAWS, LINES_FLAW]))
    def an_order_is_spoilt(self, which: int, flaw: str) -> None:
        self.source.spoil(self.chosen(self.source.there, which), flaw)

    @precondition(lambda self: any(order.flaw for order in self.source.there.values()))
    @rule(which=ANY)
    def an_order_is_mended(self, which: int) -> None:
        spoilt = [code for code, order in self.source.there.items() if order.flaw]
        self.source.mend(self.chosen(spoilt, which))

    @rule(stream=st.sampled_from([*RECORD_STREAMS]), code=st.sampled_from("BCDEFGHIJ"))
    def a_record_comes_or_changes(self, stream: str, code: str) -> None:
        self.source.put_record(stream, code)

    @rule(stream=st.sampled_from([*RECORD_STREAMS]), which=ANY)
    def a_record_goes(self, stream: str, which: int) -> None:
        if len(self.source.records[stream]) > 1:
            self.source.remove_record(stream, self.chosen(self.source.records[stream], which))

    @rule(stream=st.sampled_from([*RECORD_STREAMS]), which=ANY)
    def a_record_comes_back(self, stream: str, which: int) -> None:
        if self.source.records_gone[stream]:
            self.source.restore_record(stream, self.chosen(self.source.records_gone[stream], which))
