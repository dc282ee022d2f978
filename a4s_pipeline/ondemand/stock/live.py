"""Asks the gateway for stock: one call for simultaneous questions, fair between lists, never too late."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field

from a4s_pipeline.errors import A4sError, ChangeRequest, GatewayUnavailable, NotAskedInTime, Overloaded
from a4s_pipeline.gateway.calls.answers import no_time_left
from a4s_pipeline.gateway.calls.client import Reply
from a4s_pipeline.gateway.calls.deadline import answered_until
from a4s_pipeline.gateway.records.stock_records import Stock
from a4s_pipeline.runtime import MACHINE, Runtime
from a4s_pipeline.settings.routes import is_addressable

Outcome = Reply[Stock] | A4sError

# A new question may wait slightly longer than the call it shares.
_SHARED_THOUGH_SHORTER_BY = 1.0
# After this many calls in a row without an answer, the gateway counts as down: one call at a time tries
# again, and the others fail at once.
_DOWN_AFTER = 3
_ASKED_AGAIN_AFTER = 1.0
# The weight of the newest call in the average call time.
_WEIGHT = 0.1
_REMEMBERED = 10_000
# A call ends by its deadline; its result is passed on shortly after.
_HANDED_OVER_IN = 0.5
# A call that its caller cut short says something of the gateway only if it had this long, and this many times
# as long as an answer usually takes: one caller that waited 50 ms had the gateway count as down for all.
_FAIR_SECONDS = 1.0
_FAIR_TIMES = 3
# So near its deadline, a call was cut short by it.
_CUT_WITHIN = 0.05


@dataclass
class _Call:
    item_code: str
    until: float
    is_fair: bool
    future: Future[Outcome] = field(default_factory=Future)
    ended_at: float | None = None


@dataclass
class Load:
    """The state of the gateway, by its latest calls."""

    fair_open: int = 0
    """How many calls with a fair time wait or run."""
    average_seconds: float = 0.0
    usual_seconds: float = 0.0
    """How long an answer takes, on average; 0 before the first."""
    unanswered_in_a_row: int = 0
    unanswered_at: float = 0.0
    last_failure: str = ""

    def is_fair(self, seconds: float) -> bool:
        """Tell whether a sound gateway would answer within this time."""
        return seconds >= max(_FAIR_SECONDS, _FAIR_TIMES * self.usual_seconds)

    def add(self, outcome: Outcome, began: float, now: float, until: float) -> None:
        """Count a call that was sent."""
        is_failure = isinstance(outcome, GatewayUnavailable)
        if is_failure and now >= until - _CUT_WITHIN and not self.is_fair(until - began):
            return
        self.average_seconds = _averaged(self.average_seconds, now - began)
        if is_failure:
            self.unanswered_in_a_row += 1
            self.unanswered_at, self.last_failure = now, str(outcome)
        else:
            self.usual_seconds = _averaged(self.usual_seconds, now - began)
            self.unanswered_in_a_row = 0

    @property
    def is_down(self) -> bool:
        """Tell whether the gateway counts as down."""
        return self.unanswered_in_a_row >= _DOWN_AFTER

    def down(self) -> GatewayUnavailable:
        """Return the error for questions that are not sent to the gateway."""
        return GatewayUnavailable(
            f"the gateway does not answer now, and is asked again in a moment ({self.last_failure})",
            wait_seconds=_ASKED_AGAIN_AFTER,
            is_untaken=True,
        )

    def refusal(self, now: float, seconds_left: float, calls_before: float) -> A4sError | None:
        """Return why a call could not be answered in time, or None if it may be.

        `calls_before` is how many queued calls each thread makes before it.
        """
        rest = self.unanswered_at + _ASKED_AGAIN_AFTER - now
        if self.is_down and (rest > 0 or self.fair_open):
            return self.down()
        wait = calls_before * self.average_seconds
        if wait > seconds_left:
            return Overloaded(
                f"too many stock requests wait to be answered in time: try again in {max(1, round(wait))} s",
                wait_seconds=wait,
            )
        return None


class LiveStock:
    """The stock of one administration, for any number of threads that ask for it.

    Questions about an item share the answer of a waiting or running call for it, or of one in the last
    `fresh_seconds`. Lists of items take turns, so that a long one does not delay others.
    """

    def __init__(
        self,
        ask: Callable[[str], Reply[Stock]],
        threads: int,
        fresh_seconds: float,
        runtime: Runtime = MACHINE,
    ) -> None:
        self._runtime = runtime
        self._ask = ask
        self._threads = threads
        self._fresh_seconds = fresh_seconds
        self._pool = runtime.pool(threads, "stock")
        self._lock = threading.Lock()
        self._lists: deque[deque[_Call]] = deque()
        self._calls: dict[str, _Call] = {}
        self._load = Load()

    def close(self) -> None:
        """Stop the threads; calls that have not begun are not made."""
        with self._lock:
            left = [call for calls in self._lists for call in calls]
            self._lists.clear()
        for call in left:
            call.future.set_result(GatewayUnavailable("stopped before the gateway was asked: ask again"))
        self._pool.shutdown(cancel_futures=True)

    def begin(self, item_codes: Iterable[str], until: float) -> dict[str, Future[Outcome]]:
        """Ask for items without waiting; `until` is a deadline of `Runtime.monotonic`.

        Each future has its reply or error by then, or slightly later.
        """
        now = self._runtime.monotonic()
        answers: dict[str, Future[Outcome]] = {}
        new: deque[_Call] = deque()
        with self._lock:
            unasked: list[str] = []
            for code in dict.fromkeys(item_codes):
                call = self._shared(code, now, until)
                if call is not None:
                    answers[code] = call.future
                elif is_addressable(code):
                    unasked.append(code)
                else:
                    answers[code] = _done(_cannot_be_asked_for(code))
            before = calls_before([len(calls) for calls in self._lists], len(unasked))
            refusal = self._load.refusal(now, until - now, before / self._threads)
            for code in unasked:
                if refusal is not None:
                    answers[code] = _done(refusal)
                    continue
                call = self._calls[code] = _Call(code, until, self._load.is_fair(until - now))
                new.append(call)
                self._load.fair_open += call.is_fair
                answers[code] = call.future
                if self._load.is_down:
                    # One of them tests whether it is up again.
                    refusal = self._load.down()
            count = len(new)
            if new:
                self._lists.append(new)
        for _ in range(count):
            self._pool.submit(self._next)
        return answers

    def outcome(self, future: Future[Outcome], until: float) -> Outcome | None:
        """Wait for an answer to its deadline, and a moment longer; None where none comes."""
        patience = until + _HANDED_OVER_IN - self._runtime.monotonic()
        try:
            return self._runtime.result_of(future, patience)
        except TimeoutError:
            return None

    def _shared(self, code: str, now: float, until: float) -> _Call | None:
        call = self._calls.get(code)
        if call is None:
            return None
        if call.ended_at is not None:
            return call if now - call.ended_at <= self._fresh_seconds else None
        return call if call.until >= until - _SHARED_THOUGH_SHORTER_BY else None

    def _next(self) -> None:
        """Make the next call, from each list in turn."""
        with self._lock:
            if not self._lists:
                return
            calls = self._lists.popleft()
            call = calls.popleft()
            if calls:
                self._lists.append(calls)
        began = self._runtime.monotonic()
        outcome: Outcome
        try:
            if began >= call.until:
                raise no_time_left(f"the stock of item {call.item_code!r}", 0.0)
            with answered_until(call.until):
                outcome = self._ask(call.item_code)
        except A4sError as error:
            outcome = error
        except BaseException as defect:
            # After any exception, those who share this call must not wait for ever.
            self._end(call, None, began)
            call.future.set_exception(defect)
            return
        self._end(call, outcome, began)
        call.future.set_result(outcome)

    def _end(self, call: _Call, outcome: Outcome | None, began: float) -> None:
        now = self._runtime.monotonic()
        with self._lock:
            self._load.fair_open -= call.is_fair
            if outcome is not None and not isinstance(outcome, NotAskedInTime):
                self._load.add(outcome, began, now, call.until)
            call.ended_at = now
            is_kept = isinstance(outcome, Reply) and self._fresh_seconds > 0
            if not is_kept and self._calls.get(call.item_code) is call:
                del self._calls[call.item_code]
            if len(self._calls) > _REMEMBERED:
                self._forget_the_stale(now)

    def _forget_the_stale(self, now: float) -> None:
        self._calls = {
            code: call
            for code, call in self._calls.items()
            if call.ended_at is None or now - call.ended_at <= self._fresh_seconds
        }


def _averaged(average: float, newest: float) -> float:
    # The first call sets the average; weighted as a tenth, it let in ten times too many.
    weight = _WEIGHT if average else 1.0
    return average + weight * (newest - average)


def calls_before(queued: Iterable[int], new: int) -> int:
    """Return how many calls of the lists that wait are made before the last call of a new list.

    The lists take turns, so a list of one call waits for one call of each. Counted as behind all of them, one
    item was refused because somebody else had asked for 200.
    """
    return sum(min(calls, new) for calls in queued)


def _done(outcome: Outcome) -> Future[Outcome]:
    future: Future[Outcome] = Future()
    future.set_result(outcome)
    return future


def _cannot_be_asked_for(code: str) -> ChangeRequest:
    return ChangeRequest(
        f"item {code!r} cannot be asked for: its code cannot be put in a path", code="UnknownItem"
    )
