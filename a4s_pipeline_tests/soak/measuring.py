"""Samples what each process and folder of an installation uses, and finds what grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

MIB = 1 << 20
SETTLED_FROM = 0.25
"""Until then caches fill, imports come in for the first time, and pools reach their size."""


@dataclass(frozen=True)
class Taken:
    """What one process uses."""

    memory: int
    files: int
    threads: int


Sample = Mapping[str, Taken]


def taken_by(process: psutil.Process) -> Taken:
    """Return what a process uses, in bytes and counts."""
    with process.oneshot():
        return Taken(process.memory_info().rss, process.num_fds(), process.num_threads())


@dataclass(frozen=True)
class Folder:
    """The content of a folder, in numbers."""

    files: int
    size: int


def folder(path: Path) -> Folder:
    """Count the files below a folder and their bytes; files that vanish meanwhile do not count."""
    files = size = 0
    for below in path.rglob("*"):
        with suppress(OSError):
            if below.is_file():
                size += below.stat().st_size
                files += 1
    return Folder(files, size)


def growth(samples: Sequence[Sample]) -> list[str]:
    """Name what grew in the processes, from the second to the last quarter of the samples.

    Memory may grow by a tenth and 16 MiB, since allocators keep what they got; files and threads by a
    tenth and 4.
    """
    quarter = max(1, int(len(samples) * SETTLED_FROM))
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    grown = []
    for name in sorted({name for sample in late for name in sample}):
        for what, room in (("memory", 16 * MIB), ("files", 4), ("threads", 4)):
            before = [getattr(sample[name], what) for sample in early if name in sample]
            after = [getattr(sample[name], what) for sample in late if name in sample]
            if before and median(after) > 1.1 * median(before) + room:
                grown.append(f"{name}: {what} {median(before):,.0f} -> {median(after):,.0f}")
    return grown


def table(samples: Sequence[Sample]) -> str:
    """Return a table of what each process used at the start, once settled, and at the end."""
    lines = [f"{'process':24}{'MiB: first':>11}{'settled':>9}{'last':>7}{'files':>15}{'threads':>15}"]
    settled = samples[int(len(samples) * SETTLED_FROM)]
    for name in sorted({name for sample in samples for name in sample}):
        seen = [sample[name] for sample in samples if name in sample]
        first, middle, last = seen[0], settled.get(name, seen[len(seen) // 2]), seen[-1]
        memory = [f"{taken.memory / MIB:.0f}" for taken in (first, middle, last)]
        files = f"{first.files} {middle.files} {last.files}"
        threads = f"{first.threads} {middle.threads} {last.threads}"
        lines.append(f"{name:24}{memory[0]:>11}{memory[1]:>9}{memory[2]:>7}{files:>15}{threads:>15}")
    return "\n".join(lines)
