"""One installation as one object: the settings, and what they configure."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import assert_never

from a4s_pipeline.errors import A4sError, ChangeSettings
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.calls.client import GatewayClient
from a4s_pipeline.gateway.records.customer_records import Customer
from a4s_pipeline.gateway.records.item_records import Item
from a4s_pipeline.locks.file_locks import FileLocks, Locks
from a4s_pipeline.runtime import MACHINE, Runtime
from a4s_pipeline.settings.loading import Settings, load_settings
from a4s_pipeline.settings.store_location import FileLocation, PostgresLake, SqliteLake
from a4s_pipeline.sync.orders.orders import OrderRules, OrderSync
from a4s_pipeline.sync.pictures import PictureRules, PicturesResult, fetch_pictures
from a4s_pipeline.sync.reconcile.order_reconciliation import OrderReconciliation, Reconciled
from a4s_pipeline.sync.records.customers import CUSTOMER_KIND
from a4s_pipeline.sync.records.items import ITEM_KIND
from a4s_pipeline.sync.records.records_import import RecordRules, RecordsImport
from a4s_pipeline.sync.result import Advance, SyncInterrupted, SyncResult, silent
from a4s_pipeline.sync.stream_run import StreamRun
from a4s_pipeline.sync.windows import Months, OrdersPlan, history_months
from a4s_pipeline.warehouse.lake.lake_upkeep import Maintained
from a4s_pipeline.warehouse.opening import OpenStore, store_of
from a4s_pipeline.warehouse.rows.orders.writing import STREAM
from a4s_pipeline.warehouse.rows.pictures import items_not_stored, pictures_of
from a4s_pipeline.warehouse.site import SiteFolders
from a4s_pipeline.warehouse.store import LONGEST_WAIT, QUERY_INTERRUPTED, Published, Readable, Warehouse

_log = logging.getLogger(__name__)

IN_USE = "installation"
"""The presence of a process that a restore must not disturb."""


class Platform:
    """The gateway, the warehouse and the published copy of one installation.

    The settings are read at first use, so that a code location loads without them.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        store_wait_seconds: float = LONGEST_WAIT,
        runtime: Runtime = MACHINE,
    ) -> None:
        self.runtime = runtime
        self._given_settings = settings
        self._store_wait_seconds = store_wait_seconds

    def __repr__(self) -> str:
        return "Platform()"

    @cached_property
    def settings(self) -> Settings:
        """The settings of this process."""
        return self._given_settings or load_settings()

    @cached_property
    def locks(self) -> Locks:
        """The locks between the processes of this installation, on one machine or several."""
        location = self.settings.warehouse_location
        if isinstance(location, PostgresLake):
            return _postgres_locks(location)
        if isinstance(location, SqliteLake):
            return FileLocks(location.catalog.with_name(f"{location.catalog.name}.locks"), self.runtime)
        if isinstance(location, FileLocation):
            return FileLocks(self.settings.data_dir.absolute() / "locks", self.runtime)
        assert_never(location)

    def in_use(self) -> AbstractContextManager[None]:
        """Announce that this process relies on the store, so that no restore replaces it meanwhile.

        During a restore, it waits. A lake with its catalog in PostgreSQL is restored by other tools.
        """
        if self.locks.reach_other_machines:
            return nullcontext()
        return self.locks.announce_presence(IN_USE)

    @cached_property
    def warehouse(self) -> Warehouse:
        """The pipeline's own store."""
        return self._store.warehouse

    @cached_property
    def readable(self) -> Readable:
        """What analysts, reports and order retrieval read."""
        return self._store.readable

    @cached_property
    def _store(self) -> OpenStore:
        return store_of(self.settings, self.locks, self._store_wait_seconds)

    @contextmanager
    def administration(self, connector: str) -> Iterator[Administration]:
        """Open the gateway for one connector, with a client of its own."""
        name = self.settings.administration_of(connector)
        with GatewayClient(self.settings, runtime=self.runtime) as client:
            yield Administration(client, name, self.settings.timezone, self.settings.page_size)

    def sync(
        self,
        stream: str,
        connector: str,
        *,
        run_id: str,
        plan: OrdersPlan | None = None,
        advance: Advance = silent,
    ) -> SyncResult:
        """Import one stream of one connector (orders by `plan`), and return the result.

        An expected failure is in the result's `error`: what was imported before it is counted and stays.
        Raises `SyncInterrupted` if somebody stops it.
        """
        with self.in_use(), self.administration(connector) as administration:
            run = StreamRun(connector, stream, administration, self.warehouse, run_id=run_id)
            sync = self._sync_of(run, plan or OrdersPlan(), advance)
            try:
                return sync.run()
            except A4sError as error:
                # Also errors before it began, such as another sync under way.
                sync.result.error = error
                return sync.result
            except (KeyboardInterrupt, RuntimeError) as stop:
                if isinstance(stop, RuntimeError) and str(stop) != QUERY_INTERRUPTED:
                    raise
                raise SyncInterrupted(sync.result, run_id) from None

    def _sync_of(
        self, run: StreamRun, plan: OrdersPlan, advance: Advance
    ) -> OrderSync | RecordsImport[Item] | RecordsImport[Customer]:
        if run.result.stream == STREAM:
            return OrderSync(run, self._order_rules(), plan, advance=advance)
        rules = RecordRules(connections=self.settings.max_connections, locks=self.locks)
        if run.result.stream == ITEM_KIND.stream:
            return RecordsImport(ITEM_KIND, run, rules, advance=advance)
        return RecordsImport(CUSTOMER_KIND, run, rules, advance=advance)

    def _order_rules(self) -> OrderRules:
        return OrderRules(
            history_start=self.settings.history_start,
            lookback_days=self.settings.lookback_days,
            connections=self.settings.max_connections,
            locks=self.locks,
        )

    def reconcile_orders(
        self, connector: str, months: Months | None = None, *, run_id: str, advance: Advance = silent
    ) -> Reconciled:
        """Compare these months of one connector, or its whole history, with the gateway's.

        See `OrderReconciliation.run`.
        """
        settings = self.settings
        months = months or history_months(settings.history_start, datetime.now(UTC), settings.timezone)
        with self.in_use(), self.administration(connector) as administration:
            return OrderReconciliation(
                connector,
                administration,
                self.warehouse,
                self._order_rules(),
                run_id=run_id,
                advance=advance,
            ).run(months)

    def fetch_pictures(
        self, connector: str, item_codes: Sequence[str] = (), *, advance: Advance = silent
    ) -> PicturesResult:
        """Fetch the pictures of these items, or of all, that are not stored yet; see `fetch_pictures`."""
        with self.readable.reading() as copy:
            wanted = pictures_of(copy, connector, item_codes)
            result = PicturesResult(connector, unknown_items=items_not_stored(copy, connector, item_codes))
        with self.administration(connector) as administration:
            rules = PictureRules(self.settings.images_path, self.settings.max_connections, self.locks)
            fetch_pictures(administration, result, wanted, rules, advance=advance)
        return result

    def publish(self) -> Published:
        """Replace the published copy by the current warehouse; a lake is read directly.

        Faults in the site's own tables and SQL are logged.
        """
        copy = self._store.publish(SiteFolders(self.settings.reference_path, self.settings.models_path))
        for problem in copy.problems:
            _log.warning("a4s: %s", problem)
        return copy

    def copy_store(self, target: Path) -> None:
        """Write a consistent copy of the warehouse file, while others use it."""
        self._store.copy_to(target)

    def maintain_lake(self) -> Maintained:
        """Keep the lake small and fast; see `maintain`."""
        return self._store.maintain(timedelta(days=self.settings.lake_kept_days), datetime.now(UTC))


def _postgres_locks(location: PostgresLake) -> Locks:
    try:
        from a4s_pipeline.locks.postgres_locks import PostgresLocks  # noqa: PLC0415 - an optional dependency
    except ImportError:
        raise ChangeSettings(
            "A4S_WAREHOUSE: a catalog in PostgreSQL needs more than is installed: "
            "pip install 'a4s-pipeline[cluster]'"
        ) from None
    return PostgresLocks(location.connection)
