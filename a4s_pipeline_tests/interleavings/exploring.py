"""Breadth-first through all states, each visited once."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
W = TypeVar("W")


class Numbered(Generic[T]):
    """Numbers things, equal ones alike: states made of numbers compare quickly."""

    def __init__(self) -> None:
        self._numbers: dict[T, int] = {}
        self._things: list[T] = []

    def number_of(self, thing: T) -> int:
        """Return the number of a thing."""
        number = self._numbers.setdefault(thing, len(self._things))
        if number == len(self._things):
            self._things.append(thing)
        return number

    def __getitem__(self, number: int) -> T:
        return self._things[number]


class Wrong(AssertionError):
    """A state in which something is wrong, and the states that led to it."""


def explored(first: W, steps: Callable[[W], Iterable[W]], fault_of: Callable[[W], str | None]) -> Iterator[W]:
    """Yield every reachable state; raises `Wrong` at the first with a fault."""
    came_from: dict[W, W | None] = {first: None}
    waiting = deque([first])
    while waiting:
        world = waiting.popleft()
        fault = fault_of(world)
        if fault is not None:
            raise Wrong(f"{fault}, after:\n" + "\n".join(map(repr, _way_to(world, came_from))))
        yield world
        for after in steps(world):
            if after not in came_from:
                came_from[after] = world
                waiting.append(after)


def _way_to(world: W, came_from: dict[W, W | None]) -> list[W]:
    way = [world]
    while (before := came_from[way[-1]]) is not None:
        way.append(before)
    return way[::-1]
