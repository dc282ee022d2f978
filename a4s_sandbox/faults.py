"""What goes wrong on request: a gateway's bad days, drawn from a seed or scripted."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

DRAWN = (
    "reset",
    "hang",
    "cut",
    "clipped",
    "html",
    "too_many",
    "too_many_date",
    "server_error",
    "bad_gateway",
    "unavailable",
    "gateway_timeout",
)
ON_THE_WIRE = ("interim", "twice", "longer", "latin_1")
"""Faults that come beside an answer, and cost a client that knows HTTP nothing."""
POSTED = ("lose_post_reply", "book_late")
POST_ROUTES = frozenset({"export_order", "create_customer"})
NAMES = frozenset({*DRAWN, *ON_THE_WIRE, "bad_byte", *POSTED, "ok"})
"""What a script may hold; "ok" is a request that goes well."""

OnPage = Callable[[str, str, int], object]


@dataclass
class Faults:
    """Faults of the sandbox: a rate is a probability per request."""

    reset: float = 0.0
    """The connection is reset instead of answered; nothing is booked."""
    hang: float = 0.0
    """The work is done at once, but the answer comes after `hang_seconds`."""
    cut: float = 0.0
    """The answer ends half-way through its body, and the connection closes; a POST is booked."""
    clipped: float = 0.0
    """Half the body comes, and its length says so too: only the JSON is broken; a POST is booked."""
    html: float = 0.0
    """A proxy answers 200 with a page of HTML; nothing is booked."""
    too_many: float = 0.0
    """429 with Retry-After in seconds."""
    too_many_date: float = 0.0
    """429 with Retry-After as an HTTP date."""
    server_error: float = 0.0
    """500."""
    bad_gateway: float = 0.0
    """502 with a page of HTML."""
    unavailable: float = 0.0
    """503 with Retry-After in seconds."""
    gateway_timeout: float = 0.0
    """504 with a page of HTML."""
    interim: float = 0.0
    """102 and 103 come before the answer, on any verb."""
    twice: float = 0.0
    """The answer is written twice."""
    longer: float = 0.0
    """More follows the body than its length says."""
    latin_1: float = 0.0
    """The JSON is in ISO-8859-1, and says so."""
    bad_byte: float = 0.0
    """A byte that is no UTF-8 stands in a text of the answer."""
    lose_post_reply: float = 0.0
    """A POST is booked, then its connection is reset."""
    book_late_seconds: float = 0.0
    """Each POST is booked and answered only after so many seconds, even if the client has gone; 0 is off."""
    hang_seconds: float = 30.0
    """How long `hang` keeps a client waiting; 0 lets those go who wait."""
    retry_after_seconds: int = 1
    """What Retry-After asks for, in seconds from now."""
    routes: frozenset[str] | None = None
    """Names of the routes on which faults are drawn; None is all of them."""
    times: int | None = None
    """How many faults are drawn at most, all rates together; None is no end."""
    seed: int = 1
    """Seed of the draws, so that the same requests meet the same faults."""
    script: dict[str, list[str]] = field(default_factory=dict)
    """One-off faults by route name ("*" is any route), consumed in order, ahead of any draw."""
    lines_404: set[str] = field(default_factory=set)
    """Order codes that are listed, and whose lines answer 404."""
    lines_500: set[str] = field(default_factory=set)
    """Order codes whose lines answer 500."""
    on_page: OnPage | None = None
    """Called with (route_name, administration, page_number) after a page is made up, before it is sent."""
    repeat_rows: int = 0
    """Each page but the first starts with so many rows of the page before it, beyond its own."""
    ignore_order_date_from: bool = False
    """The listing of orders begins before `orderDateFrom`."""
    ignore_order_date_to: bool = False
    """The listing of orders goes on past `orderDateTo`."""
    page_cap: int | None = None
    """A page holds so many rows at most, however many were asked for: page 1 then starts after them."""
    skips_as_asked: bool = False
    """Pages that are capped start where they would if they were not: what lies between is on no page."""
    left_out_every: int = 0
    """Each row of so many is left out of pages, which skip it, and counted; 0 is none."""
    tells_cap: bool = False
    """A capped page says so in its `pageSize`; off, it says what was asked for."""
    total: str = "listing"
    """What `totalCount` is: that of the listing, of the "page", "absent", "null", "text", "negative" or
    "fraction"."""
    uncounted: int = 0
    """How many rows the total counts that are never listed, such as archived ones."""
    empty_pages: frozenset[int] = frozenset()
    """Numbers of pages that come empty; what they would hold is on the next one."""
    blank_pages: frozenset[int] = frozenset()
    """Numbers of pages that come empty; what they would hold is on no page."""
    nothing: str = "page"
    """How a page without rows is written: as a "page", with items "null" or "absent", as "204", or as an
    "empty" body."""
    past_end: str = "empty"
    """What a page past the end holds: "empty", the rows of the "last" page again, a "404" or a "500"."""
    forbidden: set[str] = field(default_factory=set)
    """Codes of orders and items, and hashes of pictures, of which the lines, stock or bytes answer 403."""
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By the same codes and hashes: the status and the code with which these are refused."""
    no_date_header: bool = False
    """Replies lack the Date header."""
    clock_skew_seconds: float = 0.0
    """How far the gateway's clock is ahead of true time, in the Date header."""
    empty_otherwise: float = 0.0
    """In so many records, from 0 to 1, "nothing" is written as `""`, `false`, `[]` or `0000-00-00`, and a
    list of one as the one; the last history sync, where there is none, is "never"."""
    useless_parts: float = 0.0
    """So many records, from 0 to 1, hold a part without use: a line without a quantity, a contact detail
    without a value, an image without a hash."""
    dedupe: bool = True
    """An external id is booked once; off, each POST books again."""

    def __post_init__(self) -> None:
        self._lock = Lock()
        self._random = random.Random(self.seed)  # noqa: S311 - repeatable, not secret
        self._drawn = 0
        for name in {name for queue in self.script.values() for name in queue}:
            self._checked(name)

    def next_for(self, route: str) -> str | None:
        """Return the name of the fault for this request, or None."""
        with self._lock:
            for queue in (self.script.get(route), self.script.get("*")):
                if queue:
                    return self._checked(queue.pop(0))
            if self.routes is not None and route not in self.routes:
                return None
            if self.times is not None and self._drawn >= self.times:
                return None
            fault = self._draw(route)
            if fault is not None:
                self._drawn += 1
            return fault

    def _draw(self, route: str) -> str | None:
        for name in (*DRAWN, *ON_THE_WIRE, "bad_byte"):
            rate: float = getattr(self, name)
            if rate and self._random.random() < rate:
                return name
        if route in POST_ROUTES:
            if self.lose_post_reply and self._random.random() < self.lose_post_reply:
                return "lose_post_reply"
            if self.book_late_seconds > 0:
                return "book_late"
        return None

    @staticmethod
    def _checked(name: str) -> str | None:
        if name not in NAMES:
            raise ValueError(f"no such fault: {name!r}; a script may hold {', '.join(sorted(NAMES))}")
        return None if name == "ok" else name
