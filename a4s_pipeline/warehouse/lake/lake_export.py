"""Moves a warehouse file into a lake; it can be interrupted and started again at any time.

A piece is one table of one connector, moved in one transaction of the lake: the file's rows replace the
lake's. No progress is stored. A piece is done if both sides have as many rows and the same sum of hashes, and
each start compares all pieces: so neither a kill nor a sync of the file between two starts can lose or double
a row. The ledgers go first, so that a premature user of the lake sends nothing twice. `sync_state` is removed
from the lake before anything else is written, and comes back last, after a check of the rest: the lake never
has a watermark without its rows. The lake may be ahead of the file, if somebody worked with it already. This
too needs no mark: every row says when it was written, and some tables never lose a row (`NEVER_DELETED`). A
row of those that the file lacks, or has in an older state, did not come from the file. Every sync and every
send leaves such a row. Rows from an earlier, interrupted start come from the file's past, and never count as
such.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from a4s_pipeline.errors import A4sError, ChangeSite, StoreHeld, TryAgain
from a4s_pipeline.warehouse.lake.lake import Lake
from a4s_pipeline.warehouse.lake.lake_compared import (
    FILE,
    NEVER_DELETED,
    Piece,
    columns_of,
    pieces_of,
    rows_ahead,
)
from a4s_pipeline.warehouse.rows.ondemand.ledger import LEDGER_KINDS
from a4s_pipeline.warehouse.store import Warehouse
from a4s_pipeline.warehouse.table import Table
from a4s_pipeline.warehouse.tables import SYNC_STATE, TABLES

_LEDGERS = tuple(table for kind in LEDGER_KINDS for table in (kind.table, kind.attempts) if table is not None)
_IN_ORDER = (*_LEDGERS, *(table for table in TABLES if table not in (*_LEDGERS, SYNC_STATE)))
# More would take memory, and a file of several row groups, which must not be (`applied_schema`).
ROWS_AT_ONCE = 50_000
_BLOCK = 10_000
_MOST_NAMED = 5


class LakeAhead(ChangeSite):
    """The lake has rows that the file lacks and that would be lost."""

    code = "LakeAhead"


@dataclass(frozen=True)
class ExportedIntoLake:
    """The content of the lake: rows by table, and the seconds for each table that was written."""

    rows: Mapping[str, int]
    seconds: Mapping[str, float]


def connectors_in(warehouse: Warehouse) -> list[str]:
    """Return the connectors with any rows in a warehouse."""
    found: set[str] = set()
    with warehouse.session() as connection:
        for table in TABLES:
            rows = connection.execute(f"SELECT DISTINCT connector FROM {table.name}").fetchall()  # noqa: S608 - own names
            found.update(connector for (connector,) in rows)
    return sorted(found)


def export_to_lake(
    file: Path,
    lake: Lake,
    connectors: Sequence[str],
    *,
    is_replacing: bool = False,
    advance: Callable[[int, int], None] = lambda _more, _total: None,
) -> ExportedIntoLake:
    """Move these connectors' rows from the file into the lake, and check that all have arrived.

    The file has the current schema, and stays open for reading: nobody can write to it meanwhile. The caller
    prevents syncs on both sides. Raises `LakeAhead` if the lake has rows that the file lacks, unless they are
    to be replaced.
    """
    with _held(file, lake):
        return _Export(file, lake, frozenset(connectors), is_replacing, advance).run()


@dataclass
class _Export:
    file: Path
    lake: Lake
    connectors: frozenset[str]
    is_replacing: bool
    advance: Callable[[int, int], None]
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self) -> ExportedIntoLake:
        with self.lake.session() as connection:
            pieces = [
                piece
                for table in (*_IN_ORDER, SYNC_STATE)
                for piece in pieces_of(connection, table, self.connectors)
            ]
            left = [piece for piece in pieces if not piece.is_in_lake]
            if not self.is_replacing:
                self._refuse_what_is_ahead(connection, left)
        total = sum(piece.rows for piece in pieces)
        self.advance(total - sum(piece.rows for piece in left), total)
        if left:
            self._bring_all(pieces, left, total)
        rows = dict.fromkeys((table.name for table in TABLES), 0)
        for piece in pieces:
            rows[piece.table.name] += piece.rows
        return ExportedIntoLake(rows, self.seconds)

    def _bring_all(self, pieces: Sequence[Piece], left: Sequence[Piece], total: int) -> None:
        unfinished = {piece.connector for piece in left}
        self._forget_progress(unfinished)
        for piece in left:
            if piece.table is not SYNC_STATE:
                self._bring(piece, total)
        self._check(_IN_ORDER)
        for piece in pieces:
            if piece.table is SYNC_STATE and piece.connector in unfinished:
                self._bring(piece, total)
        self._check((SYNC_STATE,))

    def _refuse_what_is_ahead(self, connection: duckdb.DuckDBPyConnection, pieces: Sequence[Piece]) -> None:
        ahead = [
            f"{count:,} of {piece.table.name} of {piece.connector!r}"
            for piece in pieces
            if piece.table in NEVER_DELETED and (count := rows_ahead(connection, piece))
        ]
        if ahead:
            more = ", …" if len(ahead) > _MOST_NAMED else ""
            raise LakeAhead(
                f"the lake holds rows that {self.file} lacks or has in an older state: "
                f"{', '.join(ahead[:_MOST_NAMED])}{more}. Somebody synced into the lake or sent from it, and "
                "these rows were left as they are. --connector NAME moves another connector alone; "
                "--replace puts the file's rows in the place of all that the lake holds of its connectors"
            )

    def _forget_progress(self, connectors: set[str]) -> None:
        def forget(connection: duckdb.DuckDBPyConnection) -> None:
            connection.execute(
                "DELETE FROM sync_state WHERE connector IN (SELECT unnest($connectors))",
                {"connectors": sorted(connectors)},
            )

        self.lake.transact(forget)

    def _bring(self, piece: Piece, total: int) -> None:
        table, columns = piece.table, columns_of(piece.table)
        connector = {"connector": piece.connector}

        def bring(connection: duckdb.DuckDBPyConnection) -> None:
            if not self.is_replacing:
                # No lock of ours stops a process that sends orders from the lake.
                self._refuse_what_is_ahead(connection, [piece])
            connection.execute(f"DELETE FROM {table.name} WHERE connector = $connector", connector)  # noqa: S608 - own names
            for first, last in _parts(connection, piece):
                connection.execute(
                    f"INSERT INTO {table.name} ({columns}) "  # noqa: S608 - own names
                    f"SELECT {columns} FROM {FILE}.main.{table.name} "
                    "WHERE connector = $connector AND rowid BETWEEN $first AND $last",
                    {**connector, "first": first, "last": last},
                )

        started = time.monotonic()
        self.lake.transact(bring)
        self.seconds[table.name] = self.seconds.get(table.name, 0.0) + time.monotonic() - started
        self.advance(0 if piece.is_in_lake else piece.rows, total)

    def _check(self, checked: Sequence[Table]) -> None:
        with self.lake.session() as connection:
            pieces = [piece for table in checked for piece in pieces_of(connection, table, self.connectors)]
        unlike = [f"{piece.table.name} of {piece.connector!r}" for piece in pieces if not piece.is_in_lake]
        if unlike:
            raise TryAgain(
                f"the lake holds other rows than {self.file} brought in: {', '.join(unlike)}. Somebody "
                "wrote to the lake meanwhile: stop whatever uses it, and start the export again",
                code="LakeDiffers",
            )


def _parts(connection: duckdb.DuckDBPyConnection, piece: Piece) -> list[tuple[int, int]]:
    """Return spans of row ids in the file, each with at most `ROWS_AT_ONCE` rows of a piece."""
    blocks = connection.execute(
        f"SELECT rowid // $size, count(*) FROM {FILE}.main.{piece.table.name} "  # noqa: S608 - own names
        "WHERE connector = $connector GROUP BY ALL ORDER BY ALL",
        {"connector": piece.connector, "size": _BLOCK},
    ).fetchall()
    parts: list[tuple[int, int]] = []
    rows = 0
    for block, count in blocks:
        first = block * _BLOCK
        if parts and rows + count <= ROWS_AT_ONCE:
            first, _ = parts.pop()
        else:
            rows = 0
        rows += count
        parts.append((first, (block + 1) * _BLOCK - 1))
    return parts


@contextmanager
def _held(file: Path, lake: Lake) -> Iterator[None]:
    """Open the file for reading beside the lake, so that rows go from one to the other within DuckDB."""

    def attach(connection: duckdb.DuckDBPyConnection) -> None:
        try:
            # ATTACH takes no parameters: the path is the operator's own setting.
            path = str(file).replace("'", "''")
            connection.execute(f"ATTACH '{path}' AS {FILE} (READ_ONLY)")
        except duckdb.Error as error:
            raise _not_opened(file, error) from None

    def detach(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"DETACH DATABASE IF EXISTS {FILE}")

    # Kept open by the lake; its sessions are connections of the same DuckDB.
    lake.transact(attach)
    try:
        yield
    finally:
        # If the lake stopped answering, it was closed together with the file.
        with suppress(duckdb.Error, A4sError):
            lake.transact(detach)


def _not_opened(file: Path, error: duckdb.Error) -> A4sError:
    why = str(error).splitlines()[0]
    if "Could not set lock" in why:
        return StoreHeld(
            f"{file} is in use by another process: stop what uses it, and start the export again"
        )
    return ChangeSite(f"{file} cannot be read ({why})", code="StoreUnusable")
