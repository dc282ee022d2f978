"""Stores that stay open in the test's process: DuckDB needs 15 ms of the processor for each opening."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
import pytest

from a4s_pipeline.warehouse.file.opened import STORAGE, OpenedFile


@contextmanager
def stores_kept_open(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep each store open from its first opening on, so that the next ones join it.

    Other processes cannot open it meanwhile, and a file that takes its place is not seen.
    """
    kept: set[Path] = set()
    with ExitStack() as stack:
        open_anew = OpenedFile.open

        def opened(path: Path) -> OpenedFile:
            file = open_anew(path)
            if path not in kept:
                kept.add(path)
                stack.enter_context(duckdb.connect(str(path), config=STORAGE))
            return file

        patch.setattr(OpenedFile, "open", opened)
        yield
