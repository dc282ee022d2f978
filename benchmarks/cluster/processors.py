"""Who used the processors, as Linux counts it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROCESSES = Path("/proc")
_NAMES = {"postgres": "PostgreSQL", "redis-server": "Redis"}


@dataclass(frozen=True)
class _Process:
    name: str
    parent: int
    seconds: float
    """With those of its children that have ended."""


def machine_seconds() -> tuple[float, float]:
    """Return how long all processors were busy since the start, and how long that is in all."""
    first = (_PROCESSES / "stat").read_text(encoding="ascii").partition("\n")[0]
    ticks = [int(word) for word in first.split()[1:9]]
    # The fourth and the fifth are idle, and idle but for a disk.
    return (sum(ticks) - ticks[3] - ticks[4]) / _TICKS, sum(ticks) / _TICKS


def seconds_by_role(roles: Mapping[int, str], other: str) -> dict[str, float]:
    """Return the CPU seconds of our children and their children, by each child's role.

    Children without a role are listed under the name of their program, or as `other`.
    """
    processes = _processes()
    found: dict[str, float] = {}
    for number, process in processes.items():
        child, parent = number, process.parent
        while parent != os.getpid() and parent in processes:
            child, parent = parent, processes[parent].parent
        if parent == os.getpid():
            role = roles.get(child) or _NAMES.get(processes[child].name, other)
            found[role] = found.get(role, 0.0) + process.seconds
    return found


def _processes() -> dict[int, _Process]:
    found = {}
    for path in _PROCESSES.glob("[0-9]*/stat"):
        # It may end while we look.
        with suppress(FileNotFoundError, ProcessLookupError):
            # The name of a program comes in brackets, and may hold anything.
            head, _, tail = path.read_text(encoding="utf-8", errors="replace").rpartition(")")
            words = tail.split()
            seconds = sum(int(word) for word in words[11:15]) / _TICKS
            found[int(path.parent.name)] = _Process(head.partition("(")[2], int(words[1]), seconds)
    return found
