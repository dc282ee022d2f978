"""Two workers answer one id of an inbox in a store, with kills, senders and a reader, state by state."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.locks.file_locks import Locks
from a4s_pipeline.ondemand.inbox.remote_inbox import RemoteInbox
from a4s_pipeline.ondemand.inbox.stores import Fetched, Store
from a4s_pipeline.ondemand.requests.kind import ThreadPool
from a4s_pipeline.ondemand.worker.request_worker import AnswerCounts, Incoming, RequestWorker
from a4s_pipeline.runtime import MACHINE
from a4s_pipeline_tests.interleavings.exploring import Numbered
from a4s_pipeline_tests.interleavings.replaying import Call, Player, Stop, play

ONE, UNSETTLED = "inbox/one.json", "inbox/.unsettled/one.json"
IDLE = -1
_MOST_KILLS = 2
_LAST_NUMBER = 2
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Worker:
    """A worker in the middle of a request; of earlier answers, only what it still knows matters."""

    path: str
    answers: tuple[Any, ...] = field(compare=False)
    call: Call
    has_claim: bool
    knows: tuple[Any, ...]


class World(NamedTuple):
    """The whole state: files, unsent requests, shown answers, and two workers by their numbers."""

    to_send: tuple[str, ...]
    files: Pairs = ()
    shown: Pairs = ()
    """The requests whose last word was in the outbox, and that word."""
    answered: tuple[tuple[str, int], ...] = ()
    """How often what a request asks for was found out."""
    kills: int = 0
    fault: str | None = None
    workers: tuple[int, int] = (IDLE, IDLE)

    def at(self, path: str) -> str | None:
        """Return the content of a file."""
        return dict(self.files).get(path)

    def with_file(self, path: str, content: str | None) -> World:
        """Return the state with that file in it; None removes it."""
        files = {**dict(self.files), path: content}
        return self._replace(
            files=tuple(sorted((name, one) for name, one in files.items() if one is not None))
        )


class _Store:
    where = "a store"

    def __init__(self, player: Player) -> None:
        self._player = player

    def fetch(self, path: str, most: int | None = None) -> Fetched | None:
        found = self._player.ask("fetch", path)
        return None if found is None else Fetched(found, found.encode())

    def write(self, path: str, content: bytes) -> None:
        self._player.ask("write", path, content.decode())

    def delete(self, path: str) -> None:
        self._player.ask("delete", path)


class _Locks:
    reach_other_machines = True

    def __init__(self, player: Player) -> None:
        self._player = player

    @contextmanager
    def exclusive(self, name: str, wait_seconds: float, busy: Callable[[str], Exception]) -> Iterator[None]:
        if not self._player.ask("claim"):
            raise busy("another")
        self._player.held.append(name)
        yield
        self._player.held.remove(name)
        self._player.ask("let go")


class _RequestWorker(RequestWorker):
    """The worker itself; the model decides what it finds."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._runtime = MACHINE
        self._service = cast(
            "Any", SimpleNamespace(platform=SimpleNamespace(settings=SimpleNamespace(connectors=())))
        )
        self._inbox = RemoteInbox(cast("Store", _Store(player)), cast("Locks", _Locks(player)))
        self._lock = threading.Lock()
        self._in_flight = set()
        self._not_before = {}
        self._settle_wait = {}
        self.counts = AnswerCounts()

    def _document(self, incoming: Incoming, received_at: Any = None) -> dict[str, object]:
        content = incoming.waiting.raw.decode()
        if isinstance(incoming.waiting.refusal, ChangeRequest):
            return {"of": content, "status": "refused", "error": {"code": incoming.waiting.refusal.code}}
        return dict(self._player.ask("find out", content))


def _work(path: str, player: Player) -> None:
    _RequestWorker(player)._handle(PurePosixPath(path), ThreadPool.SENDING, {})


class Answering:
    """The states of two workers, and the steps between them."""

    def __init__(self) -> None:
        self._workers = Numbered[Worker]()
        self._begun: dict[str, int] = {}
        self._played: dict[tuple[int, Any], int] = {}

    def next_worlds(self, world: World) -> Iterator[World]:
        """Yield every state one step away."""
        yield from self._sent(world)
        for path, content in world.files:
            if path.startswith("outbox/") and json.loads(content)["status"] != "unknown":
                yield world.with_file(path, None)
        for place, number in enumerate(world.workers):
            other = world.workers[1 - place]
            if number == IDLE:
                for path in (ONE, UNSETTLED):
                    if world.at(path) is not None:
                        yield world._replace(workers=_in_order(self._beginning(path), other))
                continue
            if world.kills < _MOST_KILLS:
                yield world._replace(kills=world.kills + 1, workers=_in_order(IDLE, other))
            for after, answer in self._outcomes(world, number, other):
                yield after._replace(workers=_in_order(self._played_on(number, answer), other))

    def ended_calmly(self, world: World) -> World:
        """Let the workers handle what is waiting, one after another, while nothing fails."""
        for _ in range(4):
            for path in (ONE, UNSETTLED):
                number = self._beginning(path) if world.at(path) is not None else IDLE
                while number != IDLE:
                    world, answer = next(iter(self._outcomes(world, number, IDLE)))
                    number = self._played_on(number, answer)
        return world

    def _sent(self, world: World) -> Iterator[World]:
        """A sender writes a request if none is waiting, or if the answer was shown."""
        busy = [self._workers[number].call.name for number in world.workers if number != IDLE]
        if "delete" in busy:
            # No store looks and deletes in one: what comes in that moment goes with what lay there.
            return
        waiting = world.at(ONE)
        if waiting is not None and waiting not in dict(world.shown):
            return
        for content in sorted(set(world.to_send)):
            left = list(world.to_send)
            left.remove(content)
            yield world.with_file(ONE, content)._replace(to_send=tuple(left))

    def _beginning(self, path: str) -> int:
        if path not in self._begun:
            self._begun[path] = self._number_of(path, play(partial(_work, path), (), _not_asked))
        return self._begun[path]

    def _played_on(self, number: int, answer: Any) -> int:
        if (number, answer) not in self._played:
            worker = self._workers[number]
            stop = play(partial(_work, worker.path), (*worker.answers, answer), _not_asked)
            self._played[number, answer] = self._number_of(worker.path, stop)
        return self._played[number, answer]

    def _number_of(self, path: str, stop: Stop) -> int:
        if stop.call is None:
            return IDLE
        worker = Worker(path, stop.answers, stop.call, bool(stop.held), stop.knows)
        return self._workers.number_of(worker)

    def _outcomes(self, world: World, number: int, other: int) -> Iterator[tuple[World, Any]]:
        """Yield each way a call may be answered, with the state after it; the calm one first."""
        name, given = self._workers[number].call.name, self._workers[number].call.given
        if name == "claim":
            yield world, other == IDLE or not self._workers[other].has_claim
        elif name == "let go":
            yield world, None
        elif name == "fetch":
            yield world, world.at(given[0])
        elif name == "find out":
            yield from _found_out(world, given[0])
        elif name == "delete":
            yield world.with_file(given[0], None), None
        else:
            yield _written(world, *given), None


def _found_out(world: World, content: str) -> Iterator[tuple[World, Any]]:
    number = min(_LAST_NUMBER, dict(world.answered).get(content, 0) + 1)
    after = world._replace(answered=tuple(sorted({**dict(world.answered), content: number}.items())))
    for status in ("ok", "unknown"):
        told = {"of": content, "number": number, "status": status, "receivedAt": "2026-11-27T04:00:00+00:00"}
        yield after, tuple(told.items())


def _written(world: World, path: str, content: str) -> World:
    after = world.with_file(path, content)
    if not path.startswith("outbox/"):
        return after
    answer = json.loads(content)
    there = json.loads(world.at(path) or "null")
    shown = dict(world.shown)
    said = shown.get(answer["of"])
    fault = None
    if there is not None and "number" in there and there["of"] != answer["of"]:
        fault = "an answer took the place of another's"
    elif said is not None and said != content:
        fault = "one request was answered twice"
    if answer["status"] != "unknown":
        shown[answer["of"]] = content
    if sum("number" in json.loads(one) for one in shown.values()) > 1:
        fault = "two requests were answered under one id"
    return after._replace(shown=tuple(sorted(shown.items())), fault=world.fault or fault)


def _in_order(one: int, other: int) -> tuple[int, int]:
    """Two workers are alike: swapping them changes nothing."""
    return (one, other) if one <= other else (other, one)


def _not_asked(call: Call) -> Any:
    raise AssertionError(f"{call} is up to the world")
