"""What happens on both sides of the product: the source changes, and senders drop requests."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from a4s_pipeline_tests.simulation.gateway import SimulatedGateway
from a4s_pipeline_tests.simulation.runtime import true_time
from a4s_pipeline_tests.simulation.scheduler import Process, Scheduler
from a4s_pipeline_tests.support.installed_site import exports
from a4s_pipeline_tests.sync.conftest import ADMINISTRATION
from a4s_pipeline_tests.weather.ground.source import Source
from a4s_sandbox import World

FLAWS = ("no customer", "no date", "lines")


class Happenings:
    """The source and the senders of a run, whose actions are drawn when they happen."""

    def __init__(self, scheduler: Scheduler, world: World) -> None:
        self._scheduler = scheduler
        self._process = Process("world")
        self._numbers = iter(range(1, 10_000))
        self.administration = world.add_administration(ADMINISTRATION)
        self.administration.clock = lambda: true_time(scheduler)
        self.source = Source(self.administration)
        self.dropped: dict[str, dict[str, Any]] = {}
        """The requests by their ids."""
        self.gone: set[str] = set()
        """The codes of orders, items and customers that were taken out at any time."""
        self.spoilt: set[str] = set()
        """The codes of orders that could not be read at any time."""
        for stream in self.source.records:
            for code in ("ANCHOR", "A1", "AB", "K1", "Z"):
                self.source.put_record(stream, code)
        self.source.put("ANCHOR", "2025-11-02T09:00:00", 1)
        for day in range(self._chance.randrange(2, 6)):
            self.source.put(f"OLD{day}", f"2025-12-{1 + 6 * day:02d}T09:00:00Z", self._chance.randrange(3))

    @property
    def _chance(self) -> Random:
        return self._scheduler.chance

    def begin(self, name: str, count: int, seconds: float, happen: Any) -> None:
        """Do something this many times, at random times within this many seconds."""

        def work() -> None:
            for at in sorted(self._chance.uniform(0, seconds) for _ in range(count)):
                self._scheduler.suspend(seconds=max(0.0, at - self._scheduler.now))
                happen()

        self._scheduler.start(self._process, name, work)

    def change(self, gateway: SimulatedGateway) -> None:
        """Change something at the source, now or right after the next page is made."""
        change = self._chance.choice(
            (
                *(self._comes, self._comes, self._changes, self._goes, self._is_spoilt),
                *(self._record_comes, self._record_goes, self._record_goes, self.show_what_is_booked),
            )
        )
        if self._chance.random() < 0.5:
            change()
            return

        def once() -> None:
            gateway.on_page = lambda: None
            change()

        gateway.on_page = once

    def mend(self) -> None:
        """Make everything at the source readable."""
        for code, order in list(self.source.there.items()):
            if order.flaw:
                self.source.mend(code)

    def _now(self) -> str:
        # Orders are placed when they come: an ordinary sync has to find each of them.
        return (true_time(self._scheduler) - timedelta(seconds=1)).isoformat()

    def _any(self) -> str:
        codes = sorted(set(self.source.there) - {"ANCHOR"})
        return self._chance.choice(codes)

    def _comes(self) -> None:
        code = f"NEW{next(self._numbers)}"
        self._scheduler.note(f"order {code} comes")
        self.source.put(code, self._now(), self._chance.randrange(3))

    def _changes(self) -> None:
        code = self._any()
        self._scheduler.note(f"order {code} changes")
        self.source.change_header(code, self._chance.choice((None, 1, 2)))

    def _goes(self) -> None:
        if len(self.source.there) > 2:
            code = self._any()
            self._scheduler.note(f"order {code} goes")
            self.gone.add(code)
            self.source.remove(code)

    def _is_spoilt(self) -> None:
        code, flaw = self._any(), self._chance.choice(FLAWS)
        self._scheduler.note(f"order {code} is spoilt: {flaw}")
        self.spoilt.add(code)
        self.source.spoil(code, flaw)

    def _record_comes(self) -> None:
        stream = self._chance.choice(sorted(self.source.records))
        code = self._chance.choice(("B", "C", "D"))
        self._scheduler.note(f"{code} of the {stream} comes or changes")
        self.source.put_record(stream, code)

    def _record_goes(self) -> None:
        stream = self._chance.choice(sorted(self.source.records))
        codes = sorted(self.source.records[stream].keys() - {"ANCHOR", "A1", "K1"})
        if codes:
            code = self._chance.choice(codes)
            self._scheduler.note(f"{code} of the {stream} goes")
            self.gone.add(code)
            self.source.remove_record(stream, code)

    def show_what_is_booked(self) -> None:
        """Show booked orders in the order history."""
        self._scheduler.note(f"{self.administration.history_sync()} booked orders show up")

    def drop(self, data_dir: Path) -> None:
        """Drop a whole request at once."""
        request_id = f"r{next(self._numbers)}"
        request = self._request()
        self._scheduler.note(f"{request_id}: {json.dumps(request)}")
        self.dropped[request_id] = request
        aside = data_dir / "inbox" / f".{request_id}.tmp"
        aside.write_text(json.dumps(request))
        aside.replace(data_dir / "inbox" / f"{request_id}.json")

    def _request(self) -> dict[str, Any]:
        kind = self._chance.choice(("order", "order", "order", "customer", "customer", "stock", "orders"))
        match kind:
            case "order":
                # Few ids, so that one is handed in again, with the same content or another.
                more = {"customerCode": "NOBODY"} if self._chance.random() < 0.1 else {}
                notes = self._chance.choice(("the first", "the first", "another"))
                return exports(f"IO-{self._chance.randrange(3)}", notes=notes, **more)
            case "customer":
                customer = {"customerCode": f"C{self._chance.randrange(2)}", "name": "Nieuw"}
                return {"kind": "create_customer", "connector": "demo", "customer": customer}
            case "stock":
                return {"kind": "projected_stock", "connector": "demo", "items": [{"itemCode": "A1"}]}
            case _:
                return {"kind": "retrieve_orders", "connector": "demo"}
