"""Logs a run's progress every few seconds, because a first import takes minutes."""

from __future__ import annotations

import time
from datetime import timedelta

import dagster as dg

from a4s_pipeline.sync.result import Advance

EVERY_SECONDS = 5.0


def progress_line(what: str, done: int, total: int, seconds: float) -> str:
    """Return a line on the progress of a sync: records, rate, and time left."""
    rate = done / seconds if seconds > 0 else 0.0
    if done > total:
        # A listing that moved is read again and counts only the rest.
        return f"{what}: {done:,} read, {rate:,.0f} a second"
    left = f", about {timedelta(seconds=round((total - done) / rate))} left" if 0 < done < total else ""
    return f"{what}: {done:,} of {total:,} read, {rate:,.0f} a second{left}"


def progress_told(log: dg.DagsterLogManager, what: str) -> Advance:
    """Return a function that logs the progress of one sync."""
    done = 0
    began = told = time.monotonic()

    def advance(more: int, total: int) -> None:
        nonlocal done, told
        now = time.monotonic()
        done += more
        if now - told >= EVERY_SECONDS:
            told = now
            log.info(progress_line(what, done, total, now - began))

    return advance
