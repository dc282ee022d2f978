"""What must hold once the weather has cleared and everything has run again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from a4s_pipeline_tests.simulation.world import Happenings
from a4s_pipeline_tests.sync.conftest import Site
from a4s_pipeline_tests.sync.listings import CUSTOMERS, ITEMS
from a4s_pipeline_tests.weather.ground import truths
from a4s_sandbox.answers.encoding import decode

_BEGIN = datetime(2025, 10, 1, tzinfo=UTC)
T = TypeVar("T")
_STATES = ("ok", "refused", "failed")


def _with_one_opening(check: Callable[[Oracle], T]) -> Callable[[Oracle], T]:
    """Let all queries of a check use one connection: where the store is opened anew, that costs 20 ms."""

    @wraps(check)
    def checked(self: Oracle) -> T:
        with self._site.platform.warehouse.expected():
            return check(self)

    return checked


class Oracle:
    """Compares an installation with the world that it imports from and sends to."""

    def __init__(self, site: Site, happenings: Happenings, data_dir: Path) -> None:
        self._site = site
        self._happenings = happenings
        self._data_dir = data_dir

    def check_after_a_sync(self) -> None:
        """Always: nothing that was there all the time is marked as removed."""
        rows = self._site.query(
            "SELECT order_code FROM orders WHERE removed_at IS NOT NULL"
            " UNION ALL SELECT item_code FROM items WHERE removed_at IS NOT NULL"
            " UNION ALL SELECT customer_code FROM customers WHERE removed_at IS NOT NULL"
        )
        strange = {code for (code,) in rows} - self._happenings.gone
        assert not strange, f"marked removed, and never gone: {sorted(strange)}"

    def leaves_nothing_but_what_is_gone(self) -> bool:
        """Tell whether only orders that no longer exist wait for their lines."""
        return set(self._site.without_lines()) <= self._happenings.gone

    @_with_one_opening
    def check_ordinary_syncs(self) -> None:
        """After ordinary syncs: the watermark passed no readable order, and no order is incomplete."""
        known = self._happenings.source.there.keys() | self._happenings.gone
        held = {code: one for code, one in truths.held_orders(self._site).items() if code in known}
        truths.assert_all_lines_or_none(held, self._happenings.source)
        lost = self._happenings.source.there.keys() - held.keys() - self._happenings.spoilt
        assert not lost, f"passed by the watermark, and never imported: {sorted(lost)}"
        days = self._site.settings.lookback_days
        since = truths.start_of_span(truths.watermark_of(self._site), days, _BEGIN)
        no_matter = self._happenings.spoilt | self._happenings.gone
        unlike = truths.unlike_source(held, self._happenings.source, no_matter, since)
        assert not unlike, f"within the look-back: {unlike}"

    @_with_one_opening
    def check_imports(self) -> None:
        """After a complete reading: the tables equal the world, and nothing readable is set aside."""
        self._site.assert_as_at_source()
        for stream in (ITEMS, CUSTOMERS):
            stream.assert_as_at_source(self._site)
        truths.assert_nothing_doubled(self._site)
        aside = self._site.set_aside()
        assert not aside, f"readable, and set aside: {aside}"

    @_with_one_opening
    def digest(self) -> str:
        """Return a digest of the rows of this run."""
        tables = self._site.query(
            "SELECT table_name FROM duckdb_tables() WHERE NOT temporary AND estimated_size > 0 ORDER BY ALL"
        )
        rows = {name: self._site.query(f"SELECT * FROM {name} ORDER BY ALL") for (name,) in tables}
        return blake2b(repr(rows).replace(str(self._data_dir), "").encode(), digest_size=8).hexdigest()

    @_with_one_opening
    def check_copy(self) -> None:
        """The published copy has the rows of the store."""
        copy = self._data_dir / "analytics.duckdb"
        with duckdb.connect(str(copy), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for table in ("orders", "order_lines", "items", "customers", "order_exports", "set_aside"):
                sql = f"SELECT * FROM {table} ORDER BY ALL"
                assert connection.execute(sql).fetchall() == self._site.query(sql), f"{table} of the copy"

    @_with_one_opening
    def check_sending(self) -> None:
        """Each order is booked at most once, and the ledgers agree with the gateway."""
        booked = Counter(order.external_id for order in self._happenings.administration.booked)
        twice = [code for code, count in booked.items() if count > 1]
        assert not twice, f"booked twice: {twice}"
        ledger = self._site.records("SELECT intake_order_id, status, order_id, payload FROM order_exports")
        for row in ledger:
            self._check_order(row)
        unknown = booked.keys() - {row["intake_order_id"] for row in ledger}
        assert not unknown, f"booked, and not in the ledger: {unknown}"
        for code, status, external_id in self._site.query(
            "SELECT customer_code, status, external_id FROM created_customers"
        ):
            is_there = code in self._happenings.administration.customers
            assert (status == "ok") == is_there, f"customer {code}: {status}, there: {is_there}"
            if is_there:
                assert external_id == self._happenings.administration.external_id_of(code), code

    def _check_order(self, row: dict[str, Any]) -> None:
        code = row["intake_order_id"]
        there = self._happenings.administration.find_booked(code)
        assert row["status"] in _STATES, f"order {code} is {row['status']} still"
        is_there = there is not None
        assert (row["status"] == "ok") == is_there, f"order {code}: {row['status']}, there: {is_there}"
        if there is not None:
            assert row["order_id"] == there.order_id, code
            assert row["payload"] is not None, f"order {code} is booked, and the ledger knows not with what"
            assert decode(row["payload"].encode()) == there.body, code

    def check_answers(self) -> None:
        """Each request has its true answer; nothing waits."""
        inbox = self._data_dir / "inbox"
        waiting = sorted(path.name for path in [*inbox.glob("*.json"), *inbox.glob(".unsettled/*.json")])
        assert not waiting, f"without an answer, or not settled: {waiting}"
        for request_id, request in self._happenings.dropped.items():
            answer = json.loads((self._data_dir / "outbox" / f"{request_id}.json").read_bytes())
            assert answer["id"] == request_id
            assert answer["status"] in _STATES, answer
            datetime.fromisoformat(answer["answeredAt"])
            if request["kind"] == "export_order" and answer["status"] == "ok":
                code = request["order"]["intakeOrderId"]
                there = self._happenings.administration.find_booked(code)
                assert there is not None, f"{request_id} says that {code} is booked"
                assert answer["answer"]["orderId"] == there.order_id
                assert there.body["notes"] == request["order"]["notes"], request_id
