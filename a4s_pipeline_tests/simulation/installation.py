"""One installation in a simulation: the real platform on a store that can end its process at each step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

import duckdb

from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.calls.client import GatewayClient
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.warehouse.file.opened import OpenedFile
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.store import Work
from a4s_pipeline_tests.simulation.gateway import SimulatedGateway, SimulatedTransport
from a4s_pipeline_tests.simulation.runtime import SimulatedRuntime
from a4s_pipeline_tests.simulation.scheduler import Crash

T = TypeVar("T")


class SteppedFile(WarehouseFile):
    """A store whose process may end before an opening, and just before or after a commit.

    Where it `hands_over`, others may go on before it is opened. Whoever answers requests does not: threads of
    one process share a transaction there, and wait for it without the scheduler.
    """

    def __init__(self, platform: SimulatedPlatform, *, hands_over: bool) -> None:
        settings = platform.settings
        super().__init__(settings.warehouse_path, conventions=settings.conventions)
        self._runtime = platform.simulated
        self._hands_over = hands_over

    @contextmanager
    def opened(self) -> Iterator[OpenedFile]:
        """Open the file for a session."""
        scheduler, process = self._runtime.scheduler, self._runtime.process
        if self._hands_over:
            scheduler.suspend(lambda: True)
        elif process.is_crashed:
            raise Crash
        task = scheduler.current
        task.sessions += 1
        try:
            with super().opened() as file:
                yield file
        finally:
            task.sessions -= 1

    def transact(self, work: Work[T]) -> T:
        """Do work in a transaction."""

        def stepped(connection: duckdb.DuckDBPyConnection) -> T:
            done = work(connection)
            self._runtime.process.commit()
            return done

        done = super().transact(stepped)
        self._runtime.process.commit()
        return done


class SimulatedPlatform(Platform):
    """The platform of one process."""

    def __init__(
        self,
        settings: Settings,
        runtime: SimulatedRuntime,
        gateway: SimulatedGateway,
        *,
        hands_over: bool = False,
    ) -> None:
        super().__init__(settings, runtime=runtime)
        self.simulated = runtime
        self._gateway = gateway
        self._hands_over = hands_over

    @cached_property
    def warehouse(self) -> Any:
        """The store."""
        return SteppedFile(self, hands_over=self._hands_over)

    @contextmanager
    def administration(self, connector: str) -> Iterator[Administration]:
        """Open the simulated gateway."""
        name = self.settings.administration_of(connector)
        transport = SimulatedTransport(self._gateway, self.simulated)
        with GatewayClient(self.settings, transport=transport, runtime=self.runtime) as client:
            yield Administration(client, name, self.settings.timezone, self.settings.page_size)
