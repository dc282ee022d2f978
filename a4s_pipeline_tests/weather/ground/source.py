"""The source as the stateful test knows it: every version of every record, and what exists now."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from a4s_pipeline_tests.sync.conftest import header, instant, line
from a4s_pipeline_tests.sync.listings import CUSTOMERS, ITEMS, Stream, customer, item
from a4s_sandbox import Administration

HEADER_FLAWS: dict[str, dict[str, Any]] = {
    "no customer": {"customerCode": None},
    "no such day": {"orderDate": "2024-02-30T10:00:00"},
    "no date": {"orderDate": None},
}
LINES_FLAW = "lines"
RECORD_STREAMS: dict[str, Stream] = {"items": ITEMS, "customers": CUSTOMERS}


@dataclass(frozen=True)
class Order:
    """One order at the source; header and lines carry the version in which they were put."""

    code: str
    day: str
    version: int
    lines_version: int
    lines: int
    flaw: str | None = None

    @property
    def is_readable(self) -> bool:
        """Tell whether the header is readable; the lines may be unreadable."""
        return self.flaw in (None, LINES_FLAW)

    @property
    def has_readable_lines(self) -> bool:
        """Tell whether all lines are readable; an order without lines has none to spoil."""
        return self.flaw != LINES_FLAW or self.lines == 0

    @property
    def at(self) -> datetime:
        """The order date."""
        return instant(self.day)


@dataclass
class Source:
    """Changes the administration, and remembers the changes."""

    administration: Administration
    there: dict[str, Order] = field(default_factory=dict)
    gone: dict[str, Order] = field(default_factory=dict)
    first_lines_of: dict[tuple[str, int], int] = field(default_factory=dict)
    """By code and version of a header: the version of the lines that came with it."""
    lines_in: dict[tuple[str, int], int] = field(default_factory=dict)
    """By code and version of lines: how many there are."""
    appeared: set[str] = field(default_factory=set)
    """Orders that came, came back, moved or were mended since this was last cleared."""
    records: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in RECORD_STREAMS})
    records_gone: dict[str, dict[str, int]] = field(
        default_factory=lambda: {name: {} for name in RECORD_STREAMS}
    )
    _version: int = 0

    @property
    def listed(self) -> list[str]:
        """The orders' codes in listing order."""
        return self.administration.orders.keys()

    def put(self, code: str, day: str, lines: int) -> None:
        """Put an order, new or in another version, with header and lines."""
        version = self._next()
        self._put(Order(code, day, version, version, lines))

    def change_header(self, code: str, lines: int | None) -> None:
        """Change the header, and the lines too unless `lines` is None."""
        order, version = self.there[code], self._next()
        if lines is None:
            self._put(replace(order, version=version))
        else:
            self._put(replace(order, version=version, lines_version=version, lines=lines))

    def edit_lines(self, code: str, lines: int) -> None:
        """Change the lines, and leave the header."""
        self._put(replace(self.there[code], lines_version=self._next(), lines=lines))

    def move(self, code: str, day: str) -> None:
        """Give an order another date."""
        self.appeared.add(code)
        self._put(replace(self.there[code], day=day, version=self._next()))

    def spoil(self, code: str, flaw: str) -> None:
        """Make an order unreadable."""
        self._put(replace(self.there[code], flaw=flaw, version=self._next()))

    def mend(self, code: str) -> None:
        """Make a spoilt order readable again."""
        self.appeared.add(code)
        self._put(replace(self.there[code], flaw=None, version=self._next()))

    def remove(self, code: str) -> None:
        """Remove an order."""
        self.gone[code] = self.there.pop(code)
        self.administration.remove_order(code)

    def restore(self, code: str) -> None:
        """Put an order back as it was."""
        self._put(self.gone.pop(code))

    def put_record(self, stream: str, code: str) -> None:
        """Put an item or a customer, or another version of it."""
        self._put_record(stream, code, self._next())

    def restore_record(self, stream: str, code: str) -> None:
        """Put an item or a customer back as it was."""
        self._put_record(stream, code, self.records_gone[stream][code])

    def _put_record(self, stream: str, code: str, number: int) -> None:
        self.records[stream][code] = number
        self.records_gone[stream].pop(code, None)
        version = str(number)
        made = (
            item(code, familyCode=version, names={"nl": version, "en": version})
            if stream == "items"
            else customer(code, website=version, contactDetails=[{"type": "Email", "value": version}] * 2)
        )
        RECORD_STREAMS[stream].put_record(self.administration, made)

    def remove_record(self, stream: str, code: str) -> None:
        """Remove an item or a customer."""
        self.records_gone[stream][code] = self.records[stream].pop(code)
        RECORD_STREAMS[stream].remove(self.administration, code)

    def _next(self) -> int:
        self._version += 1
        return self._version

    def _put(self, order: Order) -> None:
        if order.code not in self.there:
            self.appeared.add(order.code)
        self.there[order.code] = order
        self.first_lines_of.setdefault((order.code, order.version), order.lines_version)
        self.lines_in[order.code, order.lines_version] = order.lines
        made = header(order.code, order.day, reference=str(order.version))
        made |= HEADER_FLAWS.get(order.flaw or "", {})
        spoilt = {"quantity": "veel"} if order.flaw == LINES_FLAW else {}
        lines = [line(str(n), description=str(order.lines_version), **spoilt) for n in range(order.lines)]
        self.administration.put_order(made, lines)
