"""The published copy as it is read: never locked, as fresh as the last sync."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from a4s_pipeline.errors import ChangeSite, TryAgain
from a4s_pipeline.warehouse.migrations import refuse_newer, version_of


class NotPublished(TryAgain):
    """There is no published copy yet."""

    code = "NotPublished"


@dataclass(frozen=True)
class PublishedCopy:
    """The published copy, for whoever reads it."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """What it is called on a page."""
        return self.path.name

    def reading(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open it for reading; raises as `published` does."""
        return published(self.path)


@contextmanager
def published(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published copy for reading, or say that nothing was synced yet."""
    if not path.exists():
        raise NotPublished(f"there is no {path} yet: run `a4s sync` first")
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        why = str(error).splitlines()[0]
        raise ChangeSite(f"{path} cannot be read ({why}): run `a4s sync` to publish it again") from None
    try:
        connection.execute("SET TimeZone = 'UTC'")
        refuse_newer(version_of(connection), str(path))
        yield connection
    finally:
        connection.close()
