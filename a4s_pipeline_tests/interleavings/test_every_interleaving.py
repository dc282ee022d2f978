"""Every order in which two processes, a gateway and time can meet, through the deciding code."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from a4s_pipeline.errors import A4sError
from a4s_pipeline.ondemand.sending import send_once
from a4s_pipeline.ondemand.sending.bookkeeping import Bookkeeping, OpenAttempt
from a4s_pipeline.ondemand.sending.ledger_rules import Step, next_step, status_after
from a4s_pipeline.ondemand.sending.send_once import Sender, SendOnce
from a4s_pipeline_tests.interleavings.exploring import Wrong, explored
from a4s_pipeline_tests.interleavings.sending import IDLE, NUMBERS, Does, Sending, World

THIS: Does = ("send", "IO-1", "this")
OTHER: Does = ("send", "IO-1", "other")
SETTLE: Does = ("settle", "IO-1", "")


def fault_of(sending: Sending, world: World) -> str | None:
    """Describe what must never happen: an order booked twice, or a wrong ledger."""
    if world.booked.count("IO-1") > 1:
        return "booked twice"
    row = sending.row(world, "IO-1")
    status = row["status"] if row else None
    if status == "ok" and "IO-1" not in world.booked:
        return "ok, and not booked"
    if status in ("refused", "failed") and "IO-1" in (*world.booked, *world.pending):
        return f"{status}, and booked or about to be"
    return None


def stays_open(sending: Sending, world: World) -> str | None:
    """Describe an order whose outcome stays unknown, even if nothing fails any more."""
    for says_no in (False, True):
        after = world
        for _ in range(4):
            after = sending.ended_calmly(sending.passed(after), SETTLE, says_no=says_no)
        row = sending.row(after, "IO-1")
        if row and row["status"] in ("sending", "unknown"):
            return f"{row['status']} for ever, with a gateway that {'says no' if says_no else 'is well'}"
    after = sending.ended_calmly(sending.passed(world), THIS)
    after = sending.ended_calmly(sending.passed(after), THIS)
    row = sending.row(after, "IO-1")
    return None if row and row["status"] in ("ok", "refused") else "neither ok nor refused when sent again"


def explore(*does: Does) -> tuple[Sending, int]:
    """Visit every state; raises `Wrong` if one has a fault."""
    sending = Sending(*does)
    open_worlds: set[World] = set()
    count = 0
    for world in explored(World(), sending.next_worlds, lambda world: fault_of(sending, world)):
        count += 1
        if world.processes == (IDLE, IDLE) and world not in open_worlds:
            open_worlds.add(world)
            fault = stays_open(sending, world)
            if fault is not None:
                raise Wrong(f"{fault}: {world} {sending.row(world, 'IO-1')}")
    return sending, count


@pytest.mark.parametrize(
    ("does", "at_least"),
    [((THIS, SETTLE), 10_000), pytest.param((THIS, OTHER, SETTLE), 20_000, marks=pytest.mark.slow)],
    ids=("one content", "two contents"),
)
def test_whatever_happens_in_whatever_order_an_order_is_booked_once_and_the_ledger_is_right(
    does: tuple[Does, ...], at_least: int
) -> None:
    _, count = explore(*does)
    # So many are there. Should it be far fewer one day, something is no longer tried.
    assert count > at_least


def absence_is_believed_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(send_once, "may_believe_absence", lambda *_: True)


def a_lost_answer_is_taken_for_a_failure(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(send_once, "status_after", lambda _: "failed")


def a_409_is_taken_for_a_refusal(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(send_once, "Inconclusive", ())
    patch.setattr(send_once, "status_after", _refused_where_inconclusive)


def _refused_where_inconclusive(error: A4sError) -> str:
    return "refused" if type(error).__name__ == "Inconclusive" else status_after(error)


def any_409_with_numbers_is_believed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(send_once, "numbers_told", lambda error, _: dict(error.known))


def a_look_up_that_fails_says_that_it_is_not_there(patch: pytest.MonkeyPatch) -> None:
    settled = SendOnce._settle

    class Forgetful:
        def __init__(self, sender: Any) -> None:
            self.sender = sender

        def look_up(self) -> Any:
            try:
                return self.sender.look_up()
            except A4sError:
                return None

    patch.setattr(
        SendOnce,
        "_settle",
        lambda self, entry, sender: settled(self, entry, cast("Sender", Forgetful(sender))),
    )


def what_a_dead_process_was_sending_is_sent_again(patch: pytest.MonkeyPatch) -> None:
    def careless(entry: Any, fingerprint: str | None) -> Step:
        is_sending = entry is not None and entry.status == "sending"
        return Step.SEND if is_sending and fingerprint else next_step(entry, fingerprint)

    patch.setattr(send_once, "next_step", careless)


def nothing_is_recorded_before_it_is_sent(patch: pytest.MonkeyPatch) -> None:
    def unrecorded(self: Any, key: str, payload: str, before: Any, columns: Any) -> OpenAttempt:
        return OpenAttempt("send", self._clock(), before)

    patch.setattr(Bookkeeping, "about_to_send", unrecorded)


def the_wait_is_counted_from_the_beginning_of_a_send(patch: pytest.MonkeyPatch) -> None:
    did_not = Bookkeeping.did_not

    def forgetful(self: Any, *given: Any, **word: Any) -> Any:
        key, status, attempt, error, columns = (*given, None)[:5]
        kept = {name: value for name, value in (columns or {}).items() if name != "last_sent_at"}
        return did_not(self, key, status, attempt, error, kept, **word)

    patch.setattr(Bookkeeping, "did_not", forgetful)


def nobody_takes_the_lock(patch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def unlocked(self: Any, key: str, wait_seconds: float) -> Iterator[None]:
        with self._rules.locks.exclusive("nobody's", wait_seconds, RuntimeError):
            pass
        yield

    patch.setattr(SendOnce, "_lock", unlocked)


def other_content_takes_the_place_of_what_is_not_known(patch: pytest.MonkeyPatch) -> None:
    def careless(entry: Any, fingerprint: str | None) -> Step:
        is_other = entry is not None and fingerprint not in (None, entry.fingerprint)
        return Step.SEND if is_other else next_step(entry, fingerprint)

    patch.setattr(send_once, "next_step", careless)


def no_409_is_ever_the_last_word(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(send_once, "is_last_word", lambda _: False)


def a_duplicate_is_looked_for_and_never_found(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SendOnce, "_found_after", lambda *_: dict(NUMBERS))


DEFECTS: dict[Callable[[pytest.MonkeyPatch], None], str] = {
    absence_is_believed_at_once: "booked",
    a_lost_answer_is_taken_for_a_failure: "failed, and booked",
    a_409_is_taken_for_a_refusal: "refused, and booked",
    any_409_with_numbers_is_believed: "ok, and not booked",
    a_look_up_that_fails_says_that_it_is_not_there: "booked",
    what_a_dead_process_was_sending_is_sent_again: "booked twice",
    nothing_is_recorded_before_it_is_sent: "booked twice",
    the_wait_is_counted_from_the_beginning_of_a_send: "booked",
    nobody_takes_the_lock: "booked",
    other_content_takes_the_place_of_what_is_not_known: "booked twice",
    no_409_is_ever_the_last_word: "for ever, with a gateway that says no",
    a_duplicate_is_looked_for_and_never_found: "ok, and not booked",
}


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_each_defect_of_the_rules_is_found(
    monkeypatch: pytest.MonkeyPatch, defect: Callable[[pytest.MonkeyPatch], None]
) -> None:
    defect(monkeypatch)
    with pytest.raises(Wrong, match=DEFECTS[defect]):
        explore(THIS, OTHER, SETTLE)
