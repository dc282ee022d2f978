"""A progress bar on standard error, if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(what: str = "orders") -> Iterator[Callable[[int, int], None]]:
    """Show the progress of a sync; yields a function of how many more are done, and how many there are."""
    # None if the caller has closed it.
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _more, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)

        def advance(more: int, total: int) -> None:
            progress.update(task, advance=more, total=max(total, int(progress.tasks[0].completed) + more))

        yield advance
