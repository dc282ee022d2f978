"""Stops real code at each outside call, and resumes it by running it again from the start.

Between two outside calls only the code decides, so the same answers bring it to the same place again. That is
how it can leave one place in several ways. None of the code is modelled.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import PurePath
from types import TracebackType
from typing import Any

_VALUES = frozenset({"Attempt", "Entry", "Fetched", "Incoming", "OpenAttempt", "Prepared", "Waiting", "Word"})
"""The classes of the code whose content decides something."""


@dataclass(frozen=True)
class Call:
    """A process's outside call: its name and its arguments."""

    name: str
    given: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Raised:
    """An answer to be raised."""

    error: type[BaseException]
    given: tuple[Any, ...] = ()
    more: tuple[tuple[str, Any], ...] = ()


class _Stopped(BaseException):
    """The code has reached a call without an answer yet."""


@dataclass
class Player:
    """Replays the earlier answers of a process, and stops at its first new call.

    What needs no decision of the world, such as reading the clock, is answered at once and remembered.
    """

    answers: list[Any]
    at_once: Callable[[Call], Any]
    place: int = 0
    held: list[str] = field(default_factory=list)
    """The locks that the process holds at this place."""
    held_when_stopped: tuple[str, ...] = ()
    call: Call | None = None

    def ask(self, name: str, *given: Any) -> Any:
        """Make a call that has more than one possible answer."""
        if self.place == len(self.answers):
            self.call = Call(name, given)
            self.held_when_stopped = tuple(self.held)
            raise _Stopped
        return self._answer()

    def ask_at_once(self, name: str, *given: Any) -> Any:
        """Make a call that has only one possible answer."""
        if self.place == len(self.answers):
            self.answers.append(self.at_once(Call(name, given)))
        return self._answer()

    def _answer(self) -> Any:
        answer = self.answers[self.place]
        self.place += 1
        if isinstance(answer, Raised):
            raise answer.error(*answer.given, **dict(answer.more))
        return answer


@dataclass(frozen=True)
class Stop:
    """Where a process stopped: at a call, with the locks it holds, or at its end (call None)."""

    call: Call | None
    answers: tuple[Any, ...]
    held: tuple[str, ...] = ()
    knows: tuple[Any, ...] = ()
    """What the code has in its variables there: with the same call and these, it goes on in the same way."""


def play(work: Callable[[Player], object], answers: tuple[Any, ...], at_once: Callable[[Call], Any]) -> Stop:
    """Run a process on its earlier answers, up to its next call or its end."""
    player = Player(list(answers), at_once)
    try:
        work(player)
    except _Stopped as stopped:
        knows = tuple(_variables(stopped.__traceback__))
        return Stop(player.call, tuple(player.answers), player.held_when_stopped, knows)
    return Stop(None, tuple(player.answers))


def _variables(traceback: TracebackType | None) -> Iterator[tuple[Any, ...]]:
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_globals["__name__"].startswith("a4s_pipeline."):
            yield (frame.f_code.co_qualname, traceback.tb_lineno, plain(frame.f_locals))
        traceback = traceback.tb_next


_AS_THEY_ARE = frozenset({type(None), str, bytes, int, bool, datetime, timedelta})
"""Told first: a million values are looked at."""


def plain(value: Any) -> Any:
    """Return a value that can be compared and hashed; of values that decide nothing, only the type."""
    if type(value) in _AS_THEY_ARE:
        return value
    match value:
        case int() | datetime() | Enum() | PurePath():
            return value
        case tuple() | list():
            return tuple(map(plain, value))
        case Mapping():
            return tuple(sorted((name, plain(inner)) for name, inner in value.items() if inner is not None))
        case Exception():
            return (type(value).__name__, str(value), plain(vars(value)))
        case _ if is_dataclass(value) and not isinstance(value, type) and type(value).__name__ in _VALUES:
            return tuple(plain(getattr(value, one.name)) for one in fields(value))
        case _:
            return type(value).__name__
