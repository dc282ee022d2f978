"""One run from seed to end, and what must hold then.

To play one again: `python -m a4s_pipeline_tests.simulation.play SEED` prints its trace.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any, cast

import duckdb

from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.sync.windows import OrdersPlan
from a4s_pipeline.warehouse.file.opened import STORAGE
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline_tests.simulation.draw import STORM_SECONDS, Drawn, drawn_of
from a4s_pipeline_tests.simulation.gateway import SimulatedGateway, Weather
from a4s_pipeline_tests.simulation.installation import SimulatedPlatform
from a4s_pipeline_tests.simulation.oracle import Oracle
from a4s_pipeline_tests.simulation.processes import STREAMS, Lives, answering, importing
from a4s_pipeline_tests.simulation.scheduler import Scheduler
from a4s_pipeline_tests.simulation.world import Happenings
from a4s_pipeline_tests.sync.conftest import ADMINISTRATION, EVERYTHING, Site
from a4s_sandbox import World

_MOST_ROUNDS = 8


@dataclass(frozen=True)
class Played:
    """A finished run."""

    trace: tuple[str, ...]
    lives: int

    @property
    def digest(self) -> str:
        """Return a digest that tells this run from another."""
        return blake2b("\n".join(self.trace).encode(), digest_size=8).hexdigest()


def play(seed: int, folder: Path, empty: Path) -> Played:
    """Play a run in a folder, starting from the empty store `empty`; failures carry the trace."""
    run = _Run(seed, folder, empty)
    try:
        run.scheduler.run(run.direct)
    except BaseException as failure:
        failure.add_note("\n".join(run.scheduler.trace[-60:]))
        failure.add_note(f"python -m a4s_pipeline_tests.simulation.play {seed} plays it again")
        raise
    return Played(tuple(run.scheduler.trace), run.lives.begun)


class _Run:
    def __init__(self, seed: int, folder: Path, empty: Path) -> None:
        chance = Random(seed)
        self.drawn: Drawn = drawn_of(chance)
        self.scheduler = Scheduler(chance)
        world = World()
        self.gateway = SimulatedGateway(world)
        self.happenings = Happenings(self.scheduler, world)
        self.happenings.administration.dedupe = self.drawn.dedupe
        self._folder = folder
        (folder / "inbox").mkdir(parents=True)
        shutil.copyfile(empty, folder / "warehouse.duckdb")
        settings = GivenSettings(
            gateway_url="http://gateway",
            connectors={"demo": ADMINISTRATION},
            data_dir=folder,
            history_start="2025-10-01",
            **self.drawn.settings,
        )
        self.lives = Lives(self.scheduler, self.gateway, settings, self.drawn.crashes)
        self._site = Site(cast("Any", None), self.happenings.administration, settings)
        self._oracle = Oracle(self._site, self.happenings, folder)
        self._imports_over = self._answers_over = True

    def direct(self) -> None:
        """Go through the storm, then through what must hold after it."""
        with self._kept_open():
            self._storm()
            self.gateway.weather = Weather()
            self.gateway.on_page = lambda: None
            self.happenings.mend()
            self.lives.crashes = 0.0
            # What the gateway took in the storm is booked by now, or never.
            self.scheduler.suspend(seconds=self.drawn.weather.books_within + 2)
            if self.drawn.requests:
                self._answer_the_rest()
            if self.drawn.imports:
                self._import_the_rest()
            self.scheduler.note(f"rows {self._oracle.digest()}")
            if self.drawn.publishes:
                self.lives.live("publish", lambda platform: platform.publish())
                self._oracle.check_copy()

    def _kept_open(self) -> AbstractContextManager[object]:
        stack = ExitStack()
        if not self.drawn.reopens:
            path = str(self._folder / "warehouse.duckdb")
            stack.enter_context(duckdb.connect(path, config=STORAGE))
            stack.enter_context(self._site.platform.warehouse.expected())
        return stack

    def _storm(self) -> None:
        drawn, happenings = self.drawn, self.happenings
        self.gateway.weather = drawn.weather
        happenings.begin("source", drawn.changes, STORM_SECONDS, lambda: happenings.change(self.gateway))
        happenings.begin("sender", drawn.requests, STORM_SECONDS / 2, lambda: happenings.drop(self._folder))
        if drawn.imports:
            self._imports_over = False
            self.scheduler.start(self.gateway.process, "starts imports", self._keep_importing)
        if drawn.requests:
            self._answers_over = False
            self.scheduler.start(self.gateway.process, "starts workers", self._keep_answering)
        self.scheduler.suspend(seconds=STORM_SECONDS)
        self.scheduler.suspend(lambda: self._imports_over and self._answers_over)

    def _keep_importing(self) -> None:
        drawn = self.drawn
        while self.scheduler.now < STORM_SECONDS:
            is_whole = self.scheduler.chance.random() < 0.3
            self._import(STREAMS, EVERYTHING if is_whole else OrdersPlan())
            self._oracle.check_after_a_sync()
            if drawn.publishes and self.scheduler.chance.random() < 0.5:
                self.lives.live("publish", lambda platform: platform.publish())
            self.scheduler.suspend(seconds=self.scheduler.chance.uniform(0.5, 5))
        self._imports_over = True

    def _import(self, streams: Sequence[str], plan: OrdersPlan) -> bool:
        """Import once; tell whether all of it came and nothing that still exists is left to do."""
        settled: list[bool] = []

        def work(platform: SimulatedPlatform) -> None:
            results = importing(platform, streams, plan)
            settled.extend(
                one.error is None and one.is_complete and not one.removals_withheld for one in results
            )

        is_over = self.lives.live("import", work)
        return is_over and all(settled) and self._oracle.leaves_nothing_but_what_is_gone()

    def _keep_answering(self) -> None:
        while self.scheduler.now < STORM_SECONDS:
            if any((self._folder / "inbox").glob("*.json")):
                self.lives.live("worker", lambda one: answering(one, self._is_storm_over))
            self.scheduler.suspend(seconds=self.scheduler.chance.uniform(0.1, 2))
        self._answers_over = True

    def _is_storm_over(self) -> bool:
        return self.scheduler.now >= STORM_SECONDS

    def _answer_the_rest(self) -> None:
        self.lives.live("worker", lambda platform: answering(platform, lambda: False))
        self._oracle.check_sending()
        self._oracle.check_answers()

    def _import_the_rest(self) -> None:
        self._rounds(["orders"], OrdersPlan())
        self._oracle.check_ordinary_syncs()
        self.happenings.show_what_is_booked()
        self._rounds(STREAMS, EVERYTHING)
        self._oracle.check_imports()

    def _rounds(self, streams: Sequence[str], plan: OrdersPlan) -> None:
        for _ in range(_MOST_ROUNDS):
            done = self._import(streams, plan)
            self._oracle.check_after_a_sync()
            if done:
                return
        raise AssertionError(f"{_MOST_ROUNDS} syncs in calm weather left something to be done")


def _main(seeds: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as made:
        empty = Path(made) / "empty.duckdb"
        with WarehouseFile(empty).session():
            pass
        for seed in seeds:
            played = play(int(seed), Path(made) / seed, empty)
            sys.stdout.write("\n".join([*played.trace, played.digest, ""]))


if __name__ == "__main__":
    _main(sys.argv[1:])
