"""A site in bad weather, beside one that imports from the same source in good weather."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, Self
from uuid import uuid4

import duckdb

from a4s_pipeline.errors import TryAgain
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.warehouse.file.opened import STORAGE
from a4s_pipeline.warehouse.rows.records import CUSTOMER_TABLES, ITEM_TABLES
from a4s_pipeline.warehouse.table import Table
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS
from a4s_pipeline_tests.sync.conftest import ADMINISTRATION, EVERYTHING, Site
from a4s_sandbox import Administration, Faults, Sandbox, World
from a4s_sandbox.data.awkward import awkward_orders
from a4s_sandbox.data.catalogue import items, products
from a4s_sandbox.data.history import history
from a4s_sandbox.data.relations import customers

Rows = dict[str, list[tuple[Any, ...]]]
STREAMS = ("orders", "items", "customers")

_FAMILIES: tuple[tuple[Table, tuple[Table, ...]], ...] = (
    (ORDERS, (ORDER_LINES,)),
    (ITEM_TABLES.parent, ITEM_TABLES.children),
    (CUSTOMER_TABLES.parent, CUSTOMER_TABLES.children),
)
# Who wrote a row, and when: what two imports of the same records differ in.
_OF_THE_RUN = {"synced_at", "run_id", "lines_synced_at", "removed_at"}


class Ground:
    """A sandbox gateway and warehouses that import from it; a context manager.

    `site` is the one the weather is for. `faults` may be replaced at any time.
    """

    def __init__(self, folder: Path, empty: Path, world: World | None = None, **settings: Any) -> None:
        self._folder = folder
        self._empty = empty
        self._stack = ExitStack()
        self._chosen: dict[str, Any] = {"page_size": 5, "max_connections": 4, **settings}
        self._sites = 0
        world = world or World()
        self.source = world.add_administration(ADMINISTRATION)
        self.sandbox = Sandbox(world, log=False)

    def __enter__(self) -> Self:
        self._stack.enter_context(self.sandbox)
        self.site = self.new_site()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def new_site(self, **settings: Any) -> Site:
        """Return an empty site on the same source, with its warehouse kept open."""
        self._sites += 1
        folder = self._folder / f"site-{self._sites}"
        folder.mkdir()
        path = folder / "warehouse.duckdb"
        shutil.copyfile(self._empty, path)
        self._stack.enter_context(duckdb.connect(str(path), config=STORAGE))
        chosen: dict[str, Any] = {
            "gateway_url": self.sandbox.url,
            "connectors": {"demo": ADMINISTRATION},
            "data_dir": folder,
            **self._chosen,
            **settings,
        }
        return Site(self.sandbox, self.source, GivenSettings(**chosen))

    def calm_rows(self) -> Rows:
        """Import everything into a new warehouse in good weather, and return its rows."""
        self.sandbox.faults = Faults()
        site = self.new_site(page_size=300, timeout_seconds=30)
        for stream in STREAMS:
            result = sync(site, stream)
            assert not result.leaves_work, stream
        return rows_of(site)


def sync(site: Site, stream: str, **more: Any) -> SyncResult:
    """Run one sync of a stream; for orders a complete one if `whole`."""
    match stream:
        case "orders":
            return site.sync(EVERYTHING if more.get("whole") else more.get("plan"))
        case "items":
            return site.platform.sync("items", "demo", run_id=str(uuid4())).or_raise()
        case _:
            return site.platform.sync("customers", "demo", run_id=str(uuid4())).or_raise()


def sync_until_done(
    site: Site, stream: str, *, most: int = 60, between: Callable[[], object] = lambda: None, **more: Any
) -> int:
    """Run syncs until one leaves nothing to retry; return how many it took."""
    for number in range(1, most + 1):
        try:
            result = sync(site, stream, **more)
        except TryAgain:
            between()
            continue
        if result.is_complete and result.removals_withheld is None and _leaves_nothing_but_what_is_gone(site):
            return number
        between()
    raise AssertionError(f"{most} syncs of the {stream} did not get to an end")


def _leaves_nothing_but_what_is_gone(site: Site) -> bool:
    # The lines of an order that was removed after it was listed will never come.
    unreadable = site.query("SELECT record_key FROM set_aside WHERE stream = 'order_lines'")
    return all(code not in site.source.orders or (code,) in unreadable for code in site.without_lines())


def rows_of(site: Site, without: frozenset[str] = frozenset()) -> Rows:
    """Return every row not marked as removed from every data table, and every record set aside.

    `without` are codes that are left out.
    """
    found: Rows = {}
    for parent, children in _FAMILIES:
        code = parent.key[1]
        there = f"SELECT {code} FROM {parent.name} WHERE removed_at IS NULL"
        for table in (parent, *children):
            columns = [name for name in table.column_names if name not in _OF_THE_RUN]
            columns += ["lines_synced_at IS NULL"] if table is ORDERS else []
            rows = site.query(
                f"SELECT {', '.join(columns)} FROM {table.name} WHERE {code} IN ({there}) ORDER BY ALL"
            )
            at = columns.index(code)
            found[table.name] = [row for row in rows if row[at] not in without]
    found["set_aside"] = site.query(
        "SELECT connector, stream, record_key, reason, payload, part FROM set_aside ORDER BY ALL"
    )
    return found


def doubled(site: Site) -> list[tuple[Any, ...]]:
    """Return each key that is stored twice, with its table."""
    found: list[tuple[Any, ...]] = []
    for parent, children in _FAMILIES:
        for table in (parent, *children):
            key = ", ".join(table.key)
            rows = site.query(f"SELECT {key} FROM {table.name} GROUP BY {key} HAVING count(*) > 1")
            found += [(table.name, *row) for row in rows]
    return found


def assert_same(rows: Rows, calm: Rows) -> None:
    """Compare table by table, so that a failure names its table and rows."""
    for table, expected in calm.items():
        held = rows[table]
        lost = [row for row in expected if row not in held]
        strange = [row for row in held if row not in expected]
        assert (lost, strange) == ([], []), table
        assert len(held) == len(expected), table
    assert rows.keys() == calm.keys()


def fill(source: Administration, *, orders: int = 20, customer_count: int = 14, seed: int = 1) -> None:
    """Put invented items, customers and orders at the source, with half of the awkward ones."""
    chance = Random(seed)
    range_ = products(0.04)
    for item in items(range_, ["0" * 40], chance):
        source.put_item(item)
    relations = customers(customer_count, "K", chance)
    for customer in relations:
        source.put_customer(customer)
    made = history(orders, "VO", range_, relations, first_line_number=1, chance=chance)
    awkward = list(awkward_orders(relations[0], range_[0].code, 1))
    for header, lines in [*made, *awkward[::2]]:
        source.put_order(header, lines)
