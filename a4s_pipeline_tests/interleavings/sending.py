"""Two processes send orders by the real rules to a gateway that does its worst, state by state.

Time and the number of sends are not bounded: the present is always the same instant, and earlier events move
back as time passes. So worlds that differ only in their age count as one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, cast

from a4s_pipeline.errors import (
    A4sError,
    ChangeRequest,
    GatewayUnavailable,
    Inconclusive,
    StoreHeld,
)
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline.ondemand.sending.send_once import Prepared, SendOnce, SendRules
from a4s_pipeline.warehouse.rows.ondemand.ledger import ORDER_LEDGER, Attempt, Entry, Known, Ledger
from a4s_pipeline_tests.interleavings.exploring import Numbered
from a4s_pipeline_tests.interleavings.replaying import Call, Player, Raised, Stop, play
from a4s_pipeline_tests.ondemand.conftest import NOW

RESEND_AFTER = timedelta(seconds=600)
NUMBERS = (("orderId", "1"), ("orderNumber", "one"))
# What the rules do not look at would only make more states of the same.
_NOT_TOLD_APART = ("settled_at", "error", "error_code", "received_at", "attempts", "payload")

TIMED_OUT = Raised(GatewayUnavailable, ("no answer in time",))
BUSY = Raised(GatewayUnavailable, ("busy",), (("is_untaken", True),))
REFUSED = Raised(ChangeRequest, ("no",), (("code", "ValidationFailed"),))
CONFLICT = Raised(Inconclusive, ("409",), (("code", "Conflict"),))
WITH_NUMBERS = Raised(Inconclusive, ("409",), (("code", "Conflict"), ("known", NUMBERS)))
DUPLICATE = Raised(Inconclusive, ("409",), (("code", ORDER_LEDGER.duplicate), ("known", NUMBERS)))
HELD = Raised(StoreHeld, ("held",))

Row = tuple[tuple[str, Any], ...]
Does = tuple[str, str, str]
"""What a process does: send or settle, which order, with which content."""
IDLE = -1


@dataclass(frozen=True)
class Process:
    """A process at work; of earlier answers, only what it still knows matters."""

    does: Does
    answers: tuple[Any, ...] = field(compare=False)
    call: Call
    held: tuple[str, ...]
    knows: tuple[Any, ...]
    is_old: bool
    """Whether time has passed since it began."""


class World(NamedTuple):
    """The whole state: time, ledger, gateway and two processes; rows and processes have numbers."""

    rows: tuple[tuple[str, int], ...] = ()
    booked: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    """What the gateway took and may still book, until the time for that has passed."""
    processes: tuple[int, int] = (IDLE, IDLE)


class _Ledger:
    kind = ORDER_LEDGER
    connector = "demo"

    def __init__(self, player: Player) -> None:
        self._player = player

    def entry(self, key: str) -> Entry | None:
        return _entry(key, self._player.ask_at_once("entry", key))

    def known(self, key: str) -> Known:
        return Known(self.entry(key), None)

    def record(
        self,
        key: str,
        before: Entry | None,
        columns: Mapping[str, Any],
        at: datetime,
        attempt: Attempt | None = None,
    ) -> tuple[Entry, int]:
        row = self._player.ask("record", key, _told_apart(columns))
        entry = _entry(key, row)
        assert entry is not None
        return entry, 1


def _entry(key: str, row: Row | None) -> Entry | None:
    if row is None:
        return None
    columns = dict.fromkeys(ORDER_LEDGER.table.column_names) | dict(row)
    return Entry(
        key, str(columns["status"]), columns["intake_fingerprint"], 0, columns["last_sent_at"], columns
    )


class _Locks:
    reach_other_machines = False

    def __init__(self, player: Player) -> None:
        self._player = player

    @contextmanager
    def exclusive(self, name: str, wait_seconds: float, busy: Callable[[str], Exception]) -> Iterator[None]:
        if not self._player.ask("lock", name, wait_seconds > 0):
            raise busy("another")
        self._player.held.append(name)
        yield
        self._player.held.remove(name)


class _Sender:
    def __init__(self, player: Player, key: str) -> None:
        self._player = player
        self._key = key

    def send(self, payload: str, idempotency_key: str) -> dict[str, str]:
        return dict(self._player.ask("send", self._key))

    def get_ready(self) -> None:
        pass

    def look_up(self) -> dict[str, str] | None:
        found = self._player.ask("look up", self._key)
        return dict(found) if found else None


def _work(does: Does, player: Player) -> None:
    how, key, content = does
    rules = SendRules(cast("Locks", _Locks(player)), RESEND_AFTER, lock_wait_seconds=1)
    once = SendOnce(cast("Ledger", _Ledger(player)), rules, lambda: player.ask_at_once("clock"))
    sender = _Sender(player, key)
    try:
        if how == "settle":
            once.settle(key, sender)
        else:
            once.send(key, content, lambda _: Prepared(content), sender, received_at=NOW)
    except A4sError:
        pass


class Sending:
    """The states of two processes that send and settle, and the steps between them."""

    def __init__(self, *does: Does) -> None:
        self._does = does
        self._begun: dict[Does, int] = {}
        self._back: dict[int, int] = {IDLE: IDLE}
        self._processes = Numbered[Process]()
        self._rows = Numbered[Row]()
        self._played: dict[Any, int] = {}

    def row(self, world: World, key: str) -> dict[str, Any] | None:
        """Return the ledger's row of an order."""
        return next((dict(self._rows[number]) for name, number in world.rows if name == key), None)

    def next_worlds(self, world: World) -> Iterator[World]:
        """Yield every state one step away."""
        yield from self._booked_late(world)
        if self._may_pass(world.processes):
            yield self.passed(world)
        for place, number in enumerate(world.processes):
            other = world.processes[1 - place]
            if number == IDLE:
                for does in self._does:
                    yield world._replace(processes=_in_order(self._beginning(does), other))
                continue
            process = self._processes[number]
            # Killed where it is; its locks go with it.
            yield self._unrecorded(world, process)._replace(processes=(IDLE, other))
            for after, answer in self._outcomes(world, process, other):
                yield self._played_on(after, other, number, answer)
            if process.call.name == "send" and not process.is_old and self._may_pass((other,)):
                yield self._waited(world, number, other)

    def ended_calmly(self, world: World, does: Does, *, says_no: bool = False) -> World:
        """Let one process act while nothing fails, or while the gateway keeps answering 409."""
        number = self._beginning(does)
        while number != IDLE:
            call = self._processes[number].call
            if call.name == "send":
                booked = world._replace(booked=tuple(sorted((*world.booked, call.given[0]))))
                world, answer = (world, CONFLICT) if says_no else (booked, NUMBERS)
            else:
                *_, (world, answer) = self._outcomes(world, self._processes[number], IDLE)
            number = self._played_on(world, IDLE, number, answer).processes[1]
        return world

    def passed(self, world: World) -> World:
        """Let the gateway's time to book pass; it never books afterwards."""
        rows = tuple(
            (key, self._rows.number_of(_earlier(self._rows[number], NOW - RESEND_AFTER)))
            for key, number in world.rows
        )
        one, two = map(self._moved_back, world.processes)
        return world._replace(rows=rows, pending=(), processes=_in_order(one, two))

    def _moved_back(self, number: int) -> int:
        if number not in self._back:
            process = self._processes[number]
            stop = play(partial(_work, process.does), _earlier(process.answers), _not_asked)
            self._back[number] = self._number_of(process.does, stop)
        return self._back[number]

    def _beginning(self, does: Does) -> int:
        if does not in self._begun:
            self._begun[does] = self._number_of(does, play(partial(_work, does), (), _not_asked))
        return self._begun[does]

    def _number_of(self, does: Does, stop: Stop) -> int:
        if stop.call is None:
            return IDLE
        is_old = NOW - RESEND_AFTER in stop.answers
        process = Process(does, stop.answers, stop.call, stop.held, stop.knows, is_old)
        return self._processes.number_of(process)

    def _booked_late(self, world: World) -> Iterator[World]:
        for place, key in enumerate(world.pending):
            left = world.pending[:place] + world.pending[place + 1 :]
            yield world._replace(pending=left, booked=tuple(sorted((*world.booked, key))))

    def _unrecorded(self, world: World, process: Process) -> World:
        """Return the state after a process could not record what it was about to do.

        The time in which the gateway books counts from the record before the send then: what it has not
        booked while the client waited so long, it does not book.
        """
        if (
            process.call.name != "record"
            or not process.is_old
            or ("status", "sending") in process.call.given[1]
        ):
            return world
        key = process.call.given[0]
        return world._replace(pending=tuple(one for one in world.pending if one != key))

    def _may_pass(self, processes: Iterable[int]) -> bool:
        """Tell whether so much time may pass here.

        We assume that no machine sleeps that long between recording a send and sending it; the gateway's own
        limit is the only other assumption about time. A process that takes that long twice was killed.
        """
        active = [self._processes[number] for number in processes if number != IDLE]
        return all(process.call.name != "send" and not process.is_old for process in active)

    def _played_on(self, world: World, other: int, number: int, answer: Any) -> World:
        does = self._processes[number].does
        seen = (number, answer, dict(world.rows).get(does[1]))
        if seen not in self._played:
            answers = (*self._processes[number].answers, answer)
            stop = play(partial(_work, does), answers, partial(self._at_once, world))
            self._played[seen] = self._number_of(does, stop)
        return world._replace(processes=_in_order(self._played[seen], other))

    def _at_once(self, world: World, call: Call) -> Any:
        if call.name == "clock":
            return NOW
        number = dict(world.rows).get(call.given[0])
        return None if number is None else self._rows[number]

    def _outcomes(self, world: World, process: Process, other: int) -> Iterator[tuple[World, Any]]:
        """Yield each way a call may be answered, with the state after it."""
        name, given = process.call.name, process.call.given
        if name == "lock":
            is_taken = other != IDLE and given[0] in self._processes[other].held
            # Whoever waits gives up in the end, wherever the other one is by then.
            yield world, not is_taken
        elif name == "record":
            yield self._unrecorded(world, process), HELD
            yield self._recorded(world, *given)
        elif name == "look up":
            yield world, TIMED_OUT
            yield world, NUMBERS if given[0] in world.booked else None
        else:
            yield from _sent(world, given[0])

    def _waited(self, world: World, number: int, other: int) -> World:
        """Let a client wait long and in vain; the gateway's time to book then starts again."""
        waited = self.passed(world)
        taken = waited._replace(pending=(*waited.pending, self._processes[number].call.given[0]))
        return self._played_on(taken, self._moved_back(other), self._moved_back(number), TIMED_OUT)

    def _recorded(self, world: World, key: str, columns: Row) -> tuple[World, Row]:
        row = tuple(sorted({**(self.row(world, key) or {}), **dict(columns)}.items()))
        rows = dict(world.rows) | {key: self._rows.number_of(row)}
        return world._replace(rows=tuple(sorted(rows.items()))), row


def _sent(world: World, key: str) -> Iterator[tuple[World, Any]]:
    """Yield what a gateway may do with an order sent to it.

    One that sends 102 before its answer, cuts its answer off or answers in HTML is one whose answer is lost.
    """
    booked = world._replace(booked=tuple(sorted((*world.booked, key))))
    for answer in (NUMBERS, TIMED_OUT, CONFLICT, DUPLICATE):
        yield booked, answer
    for answer in (TIMED_OUT, BUSY, REFUSED, CONFLICT, WITH_NUMBERS):
        yield world, answer
    taken = world._replace(pending=tuple(sorted((*world.pending, key))))
    for answer in (TIMED_OUT, CONFLICT):
        yield taken, answer


def _told_apart(columns: Mapping[str, Any]) -> Row:
    """Return the columns that the rules read; a third equal answer in a row counts as the second."""
    kept = {name: value for name, value in columns.items() if name not in _NOT_TOLD_APART}
    if kept.get("response"):
        kept["response"] = re.sub('"inconclusive":[3-9]', '"inconclusive":2', kept["response"])
    return tuple(sorted(kept.items()))


def _earlier(value: Any, earliest: datetime | None = None) -> Any:
    """Return the same state with each instant earlier by the time that passes, down to `earliest`."""
    if isinstance(value, tuple):
        return tuple([_earlier(inner, earliest) for inner in value])
    if not isinstance(value, datetime):
        return value
    moved = value - RESEND_AFTER
    return moved if earliest is None else max(moved, earliest)


def _in_order(one: int, other: int) -> tuple[int, int]:
    """Two processes are alike: swapping them changes nothing."""
    return (one, other) if one <= other else (other, one)


def _not_asked(call: Call) -> Any:
    raise AssertionError(f"{call} was answered before")
