"""A cheap stand-in for kill -9: a sync that stops at once. Other tests kill for real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import duckdb

from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline_tests.support.watched_platform import WatchedPlatform

MOMENTS = ("before a statement", "before a commit", "after a commit", "after a page")


class Killed(BaseException):
    """No `except` of the product catches it."""


class _Watched:
    """A connection that reports each statement before executing it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, strike: Callable[[str], None]) -> None:
        self._connection = connection
        self._strike = strike

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, *statement: Any) -> duckdb.DuckDBPyConnection:
        self._strike("before a statement")
        return self._connection.execute(*statement)


@contextmanager
def killed(platform: WatchedPlatform, moment: str, number: int) -> Iterator[None]:
    """Kill the block's work at the nth event of a kind, if it gets there."""
    left = number
    transaction = WarehouseFile.transaction
    advance = platform.advance

    def strike(here: str) -> None:
        nonlocal left
        if here == moment:
            left -= 1
            if left == 0:
                raise Killed

    @contextmanager
    def watched(warehouse: WarehouseFile) -> Iterator[_Watched]:
        with transaction(warehouse) as connection:
            yield _Watched(connection, strike)
            strike("before a commit")
        strike("after a commit")

    def after_page(_more: int, _total: int) -> None:
        strike("after a page")

    platform.advance = after_page
    try:
        with patch.object(WarehouseFile, "transaction", watched):
            yield
    except Killed:
        pass
    finally:
        platform.advance = advance
