"""Syncs of a changing source, each checked for what must hold however it ended."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import ClassVar

from a4s_pipeline.errors import TryAgain
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.sync.windows import Months, OrdersPlan
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline_tests.sync.conftest import AMSTERDAM, EVERYTHING
from a4s_pipeline_tests.weather.ground import truths
from a4s_pipeline_tests.weather.ground.changes import ChangingSource
from a4s_pipeline_tests.weather.ground.ground import Ground, sync
from a4s_pipeline_tests.weather.ground.kills import killed
from a4s_pipeline_tests.weather.ground.midway import Midway, at_page
from a4s_pipeline_tests.weather.ground.source import RECORD_STREAMS, Source

HISTORY_START = datetime(2015, 1, 1, tzinfo=UTC)
LOOKBACK = 7
PAGE_SIZE = 3
OF_MARCH = OrdersPlan(Months(date(2024, 3, 1), date(2024, 3, 1)), whole=True)
FIRST, LAST = (datetime(2024, month, 1, tzinfo=AMSTERDAM) for month in (3, 4))


class CheckedSyncs(ChangingSource):
    """A site whose syncs are checked.

    `tally` counts how the syncs of all runs ended.
    """

    tally: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="weather-"))
        empty = self.folder / "empty.duckdb"
        with WarehouseFile(empty).session():
            pass
        self.ground = Ground(self.folder, empty, page_size=PAGE_SIZE, lookback_days=LOOKBACK).__enter__()
        self.site = self.ground.site
        self.source = Source(self.ground.source)
        self.late: set[str] = set()
        self.is_sound = True

    def start_anew(self) -> None:
        """Set up another, empty site, and continue with it."""
        self.site = self.ground.new_site()
        self.late.clear()
        self.source.appeared.clear()

    def sync_orders(
        self, plan: OrdersPlan, kill: tuple[str, int] | None = None, midway: Midway | None = None
    ) -> None:
        """Sync orders, and check the stored rows, however it ended."""
        self.is_sound = False
        watermark_before = truths.watermark_of(self.site)
        self._note_late(watermark_before)
        before = truths.held_orders(self.site)
        absent = set(self.source.gone)
        started = datetime.now(UTC)
        with self._changing(midway):
            result = self._run(lambda: sync(self.site, "orders", plan=plan), kill)
        touched = midway.touched if midway is not None else set()
        hidden = 1 if midway is not None and midway.may_hide_one else 0
        self.late |= touched | self.source.appeared
        self.source.appeared.clear()
        absent |= set(self.source.gone)

        held = truths.held_orders(self.site)
        watermark = truths.watermark_of(self.site)
        assert watermark is None or watermark <= started
        truths.assert_nothing_doubled(self.site)
        truths.assert_all_lines_or_none(held, self.source)
        assert before.keys() <= held.keys(), "what was held is not any more"
        passed = truths.passed_by(watermark, held, self.source, self.late)
        assert len(passed) <= hidden, f"the watermark passed {passed}, not held"
        removed = {code for code, order in held.items() if order.is_removed}
        strange = removed - absent - {code for code, order in before.items() if order.is_removed}
        assert strange == set(), "marked removed, and never gone"
        if result is not None and not result.leaves_work:
            unlike = self._unlike_source(plan, watermark_before, before, held, touched)
            assert len(unlike) <= hidden, unlike
            passed |= unlike.keys()
            if plan is EVERYTHING and result.removals_withheld is None:
                truths.assert_read_whole(held, self.source, touched | unlike.keys())
        self.late |= passed
        self.late -= {
            code
            for code, order in self.source.there.items()
            if code in held and held[code].version == order.version and not held[code].is_removed
        }
        self.is_sound = True

    def _changing(self, midway: Midway | None) -> AbstractContextManager[None]:
        if midway is None:
            return nullcontext()
        change = partial(midway.happen, self.source)
        return at_page(self.ground.sandbox.faults, self.source, "orders", midway.page, change)

    def _unlike_source(
        self,
        plan: OrdersPlan,
        watermark: datetime | None,
        before: dict[str, truths.Held],
        held: dict[str, truths.Held],
        touched: set[str],
    ) -> dict[str, str]:
        """What a finished sync should have imported, and did not."""
        if plan is EVERYTHING:
            return truths.unlike_source(held, self.source, touched, HISTORY_START)
        if plan is not OF_MARCH:
            since = truths.start_of_span(watermark, LOOKBACK, HISTORY_START)
            return truths.unlike_source(held, self.source, touched, since)
        # What was in March and is elsewhere now is brought in from there.
        stayed_out = {
            code
            for code in self.source.there
            if code not in before or before[code].is_removed or not FIRST <= before[code].at < LAST
        }
        return truths.unlike_source(held, self.source, touched, FIRST, LAST) | truths.unlike_source(
            held, self.source, touched | stayed_out, HISTORY_START
        )

    def _note_late(self, watermark: datetime | None) -> None:
        """A record added since the last sync, before the point it reached, is late."""
        for code in self.source.appeared:
            order = self.source.there.get(code) or self.source.gone[code]
            if watermark is not None and order.at <= watermark:
                self.late.add(code)
        self.source.appeared.clear()

    def sync_records(self, stream: str, kill: tuple[str, int] | None = None) -> None:
        """Sync items or customers, and check the stored rows, however it ended."""
        self.is_sound = False
        family = RECORD_STREAMS[stream]
        removed_before = set(family.removed(self.site))
        held_before = removed_before.union(family.codes(self.site))
        absent = set(self.source.records_gone[stream])
        result = self._run(lambda: sync(self.site, stream), kill)
        absent |= set(self.source.records_gone[stream])
        truths.assert_nothing_doubled(self.site)
        truths.assert_records_are_whole(self.site)
        removed = set(family.removed(self.site))
        assert held_before <= removed.union(family.codes(self.site)), "what was held is not any more"
        assert removed - removed_before - absent == set(), "marked removed, and never gone"
        if result is not None and not result.leaves_work and result.removals_withheld is None:
            family.assert_as_at_source(self.site)
        self.is_sound = True

    def _run(self, work: Callable[[], SyncResult], kill: tuple[str, int] | None) -> SyncResult | None:
        """Run a sync; None if it was killed or could not go on."""
        result = None
        try:
            with killed(self.site.platform, *kill) if kill else nullcontext():
                result = work()
        except TryAgain:
            self.tally["broken off"] += 1
            return None
        ending = "killed" if result is None else "with work left" if result.leaves_work else "done"
        self.tally[ending] += 1
        return result
