"""Whatever bytes a gateway writes: right rows or a clear failure, and a send reported as it went."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from random import SystemRandom
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from a4s_pipeline.errors import TryAgain
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.calls.client import GatewayClient
from a4s_pipeline.gateway.sending import create_customer, created_customer, export_order, exported_order
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline.ondemand.sending.send_once import Prepared, SendOnce, SendRules
from a4s_pipeline.warehouse.rows.ondemand.ledger import CUSTOMER_LEDGER, ORDER_LEDGER, Entry, Ledger
from a4s_pipeline_tests.gateway.conftest import FAST, NAME, settings_for
from a4s_pipeline_tests.gateway.wire.any_bytes import WIRES, Truth, Wire
from a4s_pipeline_tests.gateway.wire.raw_server import DATE, RawServer, Write, raw_server
from a4s_pipeline_tests.ondemand.conftest import NOW, Clock
from a4s_pipeline_tests.ondemand.sending.test_send_once import LedgerInMemory
from a4s_pipeline_tests.support.nightly import Night

RESEND_AFTER = 600
LATER = DATE.replace(b"12:00:00", b"12:00:01")
BOOKED = ["201", "200", "409 known", "409", "500", "503", "202", "302", "empty"]
NOT_BOOKED = ["422", "429", "503 later", "500", "409", "401", "404", "302"]


def as_json(value: Any, status: int = 200, headers: bytes = b"") -> Truth:
    return Truth(json.dumps(value).encode(), status, headers)


def problem(status: int, code: str, headers: bytes = b"", *, more: dict[str, str] | None = None) -> Truth:
    return as_json({"status": status, "code": code, **(more or {})}, status, headers)


def read_truth(path: str, other: int = 0) -> Truth:
    """The answer to a read, or one to another question of the same kind."""
    if "/stock" in path:
        number = int(path.split("/")[-2].removeprefix("A-")) + other
        return as_json(
            {"itemCode": f"A-{number}", "shelfStock": number, "toBeDelivered": 0, "deliveryDates": []}
        )
    if "page=" in path:
        number = int(path.partition("page=")[2].partition("&")[0]) + other
        items = [{"customerCode": f"K-{number}-{one}"} for one in range(2)]
        return as_json({"page": number, "pageSize": 2, "totalCount": 40, "items": items})
    number = int(path.split("/")[-2].removeprefix("O-")) + other
    return as_json([{"lineCode": str(one), "itemCode": f"I-{number}"} for one in range(2)])


@dataclass
class Gateway:
    """Answers as told, over a wire that corrupts some answers and is sound afterwards."""

    truth_of: Callable[[str], Truth] = read_truth
    strays_of: Callable[[str, bool], list[Truth]] = lambda path, is_first: []
    wires: list[Wire] = field(default_factory=list)
    pick: int = 0
    lines: set[object] = field(default_factory=set)

    def reply(self, question: str, write: Write) -> None:
        path = question.partition(" ")[2]
        line = getattr(write, "__self__", None)
        is_first = line not in self.lines
        self.lines.add(line)
        truth = self.truth_of(question)
        if not self.wires:
            write(truth.as_sent())
            return
        strays = self.strays_of(path, is_first)
        stray = strays[self.pick % len(strays)].as_sent(LATER) if strays else b""
        content, closes = self.wires.pop(0).written(truth, stray)
        write(content)
        if closes:
            self.lines.discard(line)
            raise OSError


def strays_of_reads(path: str, is_first: bool) -> list[Truth]:
    """What may precede an answer on a reused connection: the answer to any other question."""
    names_itself = not path.endswith("/lines")
    told = [read_truth(path, other=7)] if names_itself or not is_first else []
    return told if is_first else [*told, problem(404, "UnknownOrder"), problem(403, "Forbidden")]


READS: dict[str, tuple[Callable[[Administration, int], Any], Callable[[int], Any]]] = {
    "stock": (lambda asked, n: asked.stock(f"A-{n}").value.shelf_stock, lambda n: n),
    "page": (
        lambda asked, n: [
            one["customerCode"] for one in asked.page_as_it_comes("customers", n, 2).value.items
        ],
        lambda n: [f"K-{n}-0", f"K-{n}-1"],
    ),
    "lines": (
        lambda asked, n: [one["itemCode"] for one in asked.order_lines(f"O-{n}").value],
        lambda n: [f"I-{n}"] * 2,
    ),
}
Script = list[tuple[str, list[Wire]]]
SCRIPTS = st.lists(
    st.tuples(st.sampled_from(list(READS)), st.lists(WIRES, max_size=2)), min_size=2, max_size=5
)


@contextmanager
def asking(server: RawServer, timeout_seconds: float = 0.2) -> Iterator[Administration]:
    with GatewayClient(settings_for(server.url, timeout_seconds=timeout_seconds), rule=FAST) as client:
        yield Administration(client, NAME, ZoneInfo("Europe/Amsterdam"), 2)


def read_all(server: RawServer, script: Script, pick: int) -> None:
    gateway = Gateway(strays_of=strays_of_reads, pick=pick)
    server.reply = gateway.reply
    with asking(server) as asked:
        for number, (kind, wires) in enumerate(script):
            gateway.wires = list(wires)
            ask, expected = READS[kind]
            try:
                found = ask(asked, number)
            except TryAgain:
                continue
            assert found == expected(number), f"{kind} {number}: {found}"


class Unlocked:
    reach_other_machines = False

    def exclusive(self, *_: object) -> Any:
        return nullcontext()


@dataclass
class BackOffice:
    """What a gateway books and what it says about it: orders or customers."""

    is_order: bool
    fates: list[str]
    booked: int = 0
    key = "IO-1"

    @property
    def numbers(self) -> dict[str, str]:
        return {"orderId": "77", "orderNumber": "78"} if self.is_order else {"externalId": "77"}

    def truth_of(self, question: str) -> Truth:
        if question.startswith("POST"):
            return self._posted()
        named = {"externalId": self.key} if self.is_order else {"customerCode": self.key}
        if self.is_order:
            return as_json(named | self.numbers) if self.booked else problem(404, "UnknownOrder")
        items = [named | self.numbers] if self.booked and "page=0" in question else []
        return as_json(
            {"page": int("page=1" in question), "totalCount": int(bool(self.booked)), "items": items}
        )

    def _posted(self) -> Truth:
        fate = self.fates.pop(0) if self.fates else "201"
        self.booked += not fate.startswith("no ")
        fate = fate.removeprefix("no ")
        duplicate = "DuplicateExternalId" if self.is_order else "DuplicateCustomerCode"
        told: dict[str, Truth] = {
            "409 known": problem(409, duplicate, more=self.numbers),
            "409": problem(409, "Conflict"),
            "422": problem(422, "ValidationFailed"),
            "429": problem(429, "TooManyRequests"),
            "503 later": problem(503, "Busy", b"Retry-After: 0\r\n"),
            "401": problem(401, "Unauthorized"),
            "404": problem(404, "UnknownAdministration"),
            "302": Truth(b"", 302, b"Location: http://127.0.0.1:9/\r\n"),
            "empty": Truth(b"", 201),
            "202": as_json({}, 202),
        }
        return told.get(fate) or as_json(self.numbers, int(fate[:3]))

    def strays_of(self, path: str, is_first: bool) -> list[Truth]:
        """What may precede the first answer of a connection: one that disagrees with it."""
        other = (
            {"externalId": "IO-9", "orderId": "99"}
            if self.is_order
            else {"customerCode": "IO-9", "externalId": "99"}
        )
        if "page=" in path:
            return [as_json({"page": 8, "items": []})]
        return [
            as_json(other),
            problem(422, "ValidationFailed"),
            problem(503, "Busy", b"Retry-After: 0\r\n"),
            problem(404, "UnknownOrder"),
            problem(401, "Unauthorized"),
        ]


@dataclass
class Sender:
    asked: Administration
    office: BackOffice

    def send(self, payload: str, idempotency_key: str) -> dict[str, str]:
        bring = export_order if self.office.is_order else create_customer
        return bring(self.asked, self.office.key, payload, idempotency_key)

    def get_ready(self) -> None:
        pass

    def look_up(self) -> dict[str, str] | None:
        look = exported_order if self.office.is_order else created_customer
        return look(self.asked, self.office.key)


NUMBERED = {"order_id", "order_number", "external_id"}


def fault_of(entry: Entry | None, office: BackOffice) -> str | None:
    """Describe what must never happen."""
    status = entry.status if entry else None
    if office.booked > 1:
        return "booked twice"
    if status in ("refused", "failed") and office.booked:
        return f"{status}, and booked"
    if status == "ok" and not office.booked:
        return "ok, and not booked"
    if entry and {entry.row.get(name) for name in NUMBERED} - {None, *office.numbers.values()}:
        return "numbers of another"
    if (
        entry
        and status == "ok"
        and {entry.row[name] for name in entry.row if name in NUMBERED} - {None} > {"77", "78"}
    ):
        return "numbers of another"
    return None


def send_once(
    server: RawServer, is_order: bool, fates: list[str], wires: list[list[Wire]], pick: int
) -> None:
    office = BackOffice(is_order, list(fates))
    gateway = Gateway(office.truth_of, office.strays_of, pick=pick)
    server.reply = gateway.reply
    ledger, clock = LedgerInMemory(), Clock()
    ledger.kind = ORDER_LEDGER if is_order else CUSTOMER_LEDGER
    rules = SendRules(cast("Locks", Unlocked()), timedelta(seconds=RESEND_AFTER))
    once = SendOnce(cast("Ledger", ledger), rules, clock)
    for some in [*wires, [], []]:
        office.fates = office.fates if some else []
        with asking(server, 0.2 if some else 30) as asked:
            sender = Sender(asked, office)
            steps: list[Callable[[], Entry | None]] = [
                lambda: once.send(office.key, "content", lambda _: Prepared("{}"), sender, received_at=NOW),  # noqa: B023
                lambda: once.settle(office.key, sender),  # noqa: B023
            ]
            for step in steps:
                gateway.wires = list(some)
                step()
                assert (fault := fault_of(ledger.entry(office.key), office)) is None, fault
                clock.move(RESEND_AFTER)
    entry = ledger.entry(office.key)
    assert entry is not None
    assert (entry.status, office.booked) == ("ok", 1)


FATES = st.lists(st.sampled_from([*BOOKED, *(f"no {fate}" for fate in NOT_BOOKED)]), min_size=1, max_size=3)
SENDS = st.tuples(
    st.booleans(), FATES, st.lists(st.lists(WIRES, min_size=1, max_size=2), min_size=1, max_size=2)
)


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with raw_server(lambda *_: None) as served:
        yield served


Check = Callable[..., None]
CHECKS: list[tuple[Check, st.SearchStrategy[Any]]] = [
    (read_all, st.tuples(SCRIPTS, st.integers(0, 9))),
    (send_once, st.tuples(SENDS, st.integers(0, 9)).map(lambda drawn: (*drawn[0], drawn[1]))),
]


def try_out(
    server: RawServer, check: Check, cases: st.SearchStrategy[Any], number: int, examples: int
) -> None:
    """Draw examples from a seed and check each."""

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def hold(case: Any) -> None:
        check(server, *case)

    hold()


@pytest.mark.parametrize(("check", "cases"), CHECKS, ids=lambda value: getattr(value, "__name__", ""))
def test_whatever_bytes_come_the_answer_is_right_or_none_and_a_send_is_reported_as_it_went(
    server: RawServer, check: Check, cases: st.SearchStrategy[Any]
) -> None:
    try_out(server, check, cases, number=20, examples=30)


@pytest.mark.nightly
def test_all_night_no_bytes_bring_a_wrong_answer(server: RawServer) -> None:
    night, tried = Night(share=0.05), 0
    first = int(os.environ.get("WIRE_SEED") or SystemRandom().randrange(2**32))
    while tried == 0 or not night.is_over:
        try:
            for check, cases in CHECKS:
                try_out(server, check, cases, number=first + tried, examples=200)
        except BaseException as failure:
            failure.add_note(
                f"WIRE_SEED={first + tried} NIGHTLY_MINUTES=0 pytest -m nightly {__file__} has it again"
            )
            raise
        tried += 1
    print(f"{tried} times 400 examples, seeds from {first} on, {night.seconds:.0f} s")  # noqa: T201 - shown by -rA
