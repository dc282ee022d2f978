"""The processes of an installation: importers, workers, and what restarts them after a crash."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.ondemand.worker.request_worker import RequestWorker
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline.sync.windows import OrdersPlan
from a4s_pipeline_tests.simulation.gateway import SimulatedGateway
from a4s_pipeline_tests.simulation.installation import SimulatedPlatform
from a4s_pipeline_tests.simulation.runtime import SimulatedRuntime
from a4s_pipeline_tests.simulation.scheduler import Process, Scheduler

STREAMS = ("items", "customers", "orders")
_SETTLE_EVERY = 2.0


@dataclass
class Lives:
    """Starts processes one after another on the same files; `crashes` is the probability of a crash."""

    scheduler: Scheduler
    gateway: SimulatedGateway
    settings: Settings
    crashes: float
    begun: int = 0

    def live(self, name: str, work: Callable[[SimulatedPlatform], object]) -> bool:
        """Run a process until its work is done or it crashes; tell whether it finished."""
        chance = self.scheduler.chance
        self.begun += 1
        is_doomed = self.crashes > 0 and chance.random() < self.crashes
        process = Process(f"{name}{self.begun}")
        if is_doomed and chance.random() < 0.5:
            process.waits_left = chance.randrange(1, 80)
        elif is_doomed:
            process.commits_left = chance.randrange(1, 16)
        runtime = SimulatedRuntime(self.scheduler, process)
        # Only importing lets others go on at each step of the store; see `SteppedFile`.
        platform = SimulatedPlatform(self.settings, runtime, self.gateway, hands_over=name == "import")
        task = self.scheduler.start(process, "main", lambda: work(platform))
        self.scheduler.suspend(lambda: task.is_over)
        if process.is_crashed:
            self.scheduler.note(f"{process.name} crashed")
        return not process.is_crashed


def importing(platform: SimulatedPlatform, streams: Iterable[str], plan: OrdersPlan) -> list[SyncResult]:
    """Import some streams."""
    results = []
    for stream in streams:
        result = platform.sync(stream, "demo", run_id=platform.simulated.process.name, plan=plan)
        counts = f"{result.seen} seen, {result.new} new, {result.removed} removed, {result.pending} left"
        why = type(result.error).__name__ if result.error else result.removals_withheld or ""
        platform.simulated.scheduler.note(f"{stream}: {counts} {why}")
        results.append(result)
    return results


def answering(platform: SimulatedPlatform, is_over: Callable[[], bool]) -> None:
    """Answer waiting requests and settle unknown outcomes meanwhile, as a run of the job does."""
    runtime = platform.simulated
    over = threading.Event()
    with OnDemand(platform, runtime.process.name) as service:

        def settle() -> None:
            while not runtime.wait(over, _SETTLE_EVERY):
                service.settle_all(over.is_set)
                service.log.write()

        beside = runtime.scheduler.start(runtime.process, "settle", settle)
        try:
            RequestWorker(service).serve(is_over)
        finally:
            over.set()
        runtime.scheduler.suspend(lambda: beside.is_over)
