"""A change at the source during a reading, which shifts the pages of a listing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from a4s_pipeline_tests.weather.ground.source import Source
from a4s_sandbox import Faults

CHANGES = ("come", "go", "move", "change", "come and go")


@dataclass
class Midway:
    """A change after this many pages of orders, once, if the sync gets that far.

    `touched` are the orders that it was about, once it happened.
    """

    kind: str
    page: int
    code: str | None
    fresh: str
    day: str
    touched: set[str] = field(default_factory=set)

    @property
    def may_hide_one(self) -> bool:
        """Tell whether pages shifted under the same total: then the third order is not promised."""
        return bool(self.touched) and self.kind in ("come and go", "move")

    def happen(self, source: Source) -> None:
        """Change the source."""
        if "come" in self.kind:
            self.touched.add(self.fresh)
            source.put(self.fresh, self.day, 1)
        if self.code is None:
            return
        self.touched.add(self.code)
        if "go" in self.kind:
            source.remove(self.code)
        elif self.kind == "move":
            source.move(self.code, self.day)
        elif self.kind == "change":
            source.change_header(self.code, 2)


@contextmanager
def at_page(
    faults: Faults, source: Source, route: str, page: int, change: Callable[[], object]
) -> Iterator[None]:
    """Change the source once during the block, between this page of a route and the next."""
    done: list[int] = []

    def on_page(asked: str, _administration: str, number: int) -> None:
        if (asked, number) == (route, page) and not done:
            done.append(number)
            with source.administration.lock:
                change()

    faults.on_page = on_page
    try:
        yield
    finally:
        faults.on_page = None
