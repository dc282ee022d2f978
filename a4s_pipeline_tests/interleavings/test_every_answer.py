"""Every order in which two workers, kills and senders can meet at one id of an inbox."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from a4s_pipeline.ondemand.inbox.inbox import name_of_kept
from a4s_pipeline.ondemand.inbox.remote_inbox import RemoteInbox
from a4s_pipeline_tests.interleavings import answering
from a4s_pipeline_tests.interleavings.answering import IDLE, ONE, UNSETTLED, Answering, World
from a4s_pipeline_tests.interleavings.exploring import Wrong, explored

THIS, OTHER = '"this"', '"other"'


def lost(worlds: Answering, world: World) -> str | None:
    """Describe what is never answered, even if nothing fails any more."""
    after = worlds.ended_calmly(world)
    if after.fault is not None:
        return after.fault
    waiting = [path for path in (ONE, UNSETTLED) if after.at(path) is not None]
    if waiting:
        return f"{waiting} waits for ever"
    sent = {THIS, OTHER} - set(world.to_send)
    unanswered = sent - dict(after.shown).keys()
    return f"{unanswered} was never answered" if unanswered else None


def explore(*to_send: str) -> int:
    """Visit every state; raises `Wrong` if one has a fault."""
    worlds, count = Answering(), 0
    for world in explored(World(tuple(sorted(to_send))), worlds.next_worlds, lambda world: world.fault):
        count += 1
        if world.workers == (IDLE, IDLE) and (fault := lost(worlds, world)) is not None:
            raise Wrong(f"{fault}: {world}")
    return count


def test_whatever_happens_in_whatever_order_each_request_is_answered_once() -> None:
    # So many are there. Should it be far fewer one day, something is no longer tried.
    assert explore(THIS, OTHER) > 1_000


def nobody_takes_the_claim(patch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def unclaimed(*_: Any) -> Iterator[None]:
        yield

    patch.setattr(answering._Locks, "exclusive", unclaimed)


def an_answer_is_not_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RemoteInbox, "_kept", lambda *_: None)


def a_request_that_was_answered_is_not_remembered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RemoteInbox, "_earlier", lambda *_: None)


def an_answer_is_shown_before_its_request_is_remembered(patch: pytest.MonkeyPatch) -> None:
    copied = RemoteInbox._copy

    def later(self: Any, waiting: Any, folder: str, name: str) -> None:
        self._store.write(f"outbox/{name}", self._store.fetch(f"inbox/.answers/{name_of(waiting)}").raw)
        copied(self, waiting, folder, name)

    def name_of(waiting: Any) -> str:
        return name_of_kept(waiting.request_id, waiting.raw)

    patch.setattr(RemoteInbox, "_copy", later)


def a_refusal_takes_the_name_of_the_answer(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RemoteInbox, "_name_of_answer", lambda self, name, waiting: name)


DEFECTS: dict[Callable[[pytest.MonkeyPatch], None], str] = {
    nobody_takes_the_claim: "answered twice",
    an_answer_is_not_kept: "answered twice",
    a_request_that_was_answered_is_not_remembered: "another's|two requests",
    an_answer_is_shown_before_its_request_is_remembered: "another's|two requests",
    a_refusal_takes_the_name_of_the_answer: "another's",
}


def test_each_defect_of_the_inbox_is_found() -> None:
    for defect, fault in DEFECTS.items():
        with pytest.MonkeyPatch.context() as patch:
            defect(patch)
            with pytest.raises(Wrong, match=fault):
                explore(THIS, OTHER)
