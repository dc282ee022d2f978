"""Writes relations into a folder beside the target, then replaces the target in one step."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import duckdb

from a4s_pipeline.errors import ChangeRequest, ChangeSite
from a4s_pipeline.exporting.bucket import MANIFEST, Bucket, is_url
from a4s_pipeline.exporting.workbook import in_words, write_workbook
from a4s_pipeline.models.conventions import identifier, literal
from a4s_pipeline.warehouse.schema.relations import Relation, rows_of
from a4s_pipeline.warehouse.store import Readable
from a4s_pipeline.warehouse.table import INSTANT, JSON, TEXT

Format = Literal["parquet", "csv", "xlsx"]
_MONTH = "month"
# A text that a spreadsheet would run: anyone who can name a customer could run a program where the file is
# opened. Numbers, percentages and telephone numbers begin like formulas too, but are harmless.
_IS_FORMULA = (
    "regexp_matches({column}, '^[=+@\\t\\r-]') AND NOT regexp_full_match({column}, '[+-][0-9 ().,/%+-]*')"
)


@dataclass(frozen=True)
class Export:
    """What to export: relations, format, rows, and one file or one per month."""

    relations: Sequence[Relation]
    format: Format
    zone: str = "Europe/Amsterdam"
    connector: str | None = None
    since: date | None = None
    by_month: bool = False


@dataclass
class Exported:
    """What was written: where, how many rows of each relation, and a sentence for each change of values."""

    target: Path | str
    rows: dict[str, int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


def export_files(
    store: Readable,
    target: Path | str,
    wanted: Export,
    advance: Callable[[int, int], None] = lambda _more, _total: None,
) -> Exported:
    """Write relations to a folder, whole or not at all, or to an object store's URL.

    A folder of an earlier export is replaced; raises `ChangeRequest` for any other that is not empty, and
    `ChangeSite` if it cannot be written. An object store cannot replace many files at once: there `isWhole`
    is false in the manifest until all files have arrived.
    """
    if is_url(target):
        bucket = Bucket.at(str(target))
        bucket.check_replaceable()
        with TemporaryDirectory(prefix="a4s-export-") as folder:
            done = export_files(store, Path(folder) / "files", wanted, advance)
            bucket.put(Path(folder) / "files")
        return replace(done, target=bucket.shown)
    target = Path(target).absolute()
    _check_replaceable(target)
    aside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    done = Exported(target)
    try:
        aside.mkdir(parents=True)
        with store.reading() as connection:
            # Instants are written as they are read here: local, with their offset.
            connection.execute(f"SET TimeZone = {literal(wanted.zone)}")
            for relation in wanted.relations:
                done.rows[relation.name] = _write(connection, aside, relation, wanted, done.told)
                advance(1, len(wanted.relations))
        manifest = {
            "writtenAt": datetime.now(UTC).isoformat(),
            "format": wanted.format,
            "isWhole": True,
            "rows": done.rows,
            "told": done.told,
        }
        (aside / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        _put_in_place(aside, target)
    except (OSError, duckdb.IOException) as error:
        why = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise ChangeSite(
            f"{target} cannot be written ({why}): check the folder and the free disk space"
        ) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return done


def _check_replaceable(target: Path) -> None:
    if target.is_dir() and not (target / MANIFEST).exists() and any(target.iterdir()):
        raise ChangeRequest(
            f"{target} holds files that no export wrote: name an empty folder, or one that does not exist",
            code="Invalid",
        )
    if target.exists() and not target.is_dir():
        raise ChangeRequest(f"{target} is a file: name a folder", code="Invalid")


def _put_in_place(aside: Path, target: Path) -> None:
    before = target.with_name(f".{target.name}.{os.getpid()}.before.tmp")
    if target.exists():
        target.rename(before)
    try:
        aside.rename(target)
    except OSError:
        with suppress(OSError):
            before.rename(target)
        raise
    shutil.rmtree(before, ignore_errors=True)


def _write(
    connection: duckdb.DuckDBPyConnection, folder: Path, relation: Relation, wanted: Export, told: list[str]
) -> int:
    query, parameters = rows_of(relation, wanted.connector, wanted.since, _cells(relation, wanted.format))
    staged = "export_rows"
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {staged} AS {query}", parameters)
    except duckdb.CatalogException:
        raise ChangeSite(
            f"the published copy has no {relation.name}: it is of another version; run `a4s sync`"
        ) from None
    month = _month_of(relation) if wanted.by_month else None
    if wanted.format == "csv":
        told += guard_texts(connection, staged, relation)
    if wanted.format == "xlsx":
        told += _write_workbooks(connection, folder, relation, month)
    elif month is None:
        _copy(connection, staged, folder / f"{relation.name}.{wanted.format}", wanted.format, "")
    else:
        source = staged if month == _MONTH else f"(SELECT *, {month} AS {_MONTH} FROM {staged})"
        _copy(connection, source, folder / relation.name, wanted.format, f", PARTITION_BY ({_MONTH})")
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {staged}").fetchall()
    return int(rows)


def _copy(connection: duckdb.DuckDBPyConnection, source: str, target: Path, kind: Format, more: str) -> None:
    options = "FORMAT parquet, COMPRESSION zstd" if kind == "parquet" else "FORMAT csv, HEADER true"
    connection.execute(f"COPY {source} TO {literal(str(target))} ({options}{more})")


def _write_workbooks(
    connection: duckdb.DuckDBPyConnection, folder: Path, relation: Relation, month: str | None
) -> list[str]:
    changed: Counter[str] = Counter()
    if month is None:
        rows = connection.execute("SELECT * FROM export_rows")
        write_workbook(folder / f"{relation.name}.xlsx", relation, rows, changed)
        return in_words(relation.name, changed)
    months = connection.execute(f"SELECT DISTINCT {month} FROM export_rows ORDER BY ALL").fetchall()
    (folder / relation.name).mkdir()
    for (value,) in months:
        rows = connection.execute(
            f"SELECT * FROM export_rows WHERE {month} IS NOT DISTINCT FROM $month", {"month": value}
        )
        write_workbook(folder / relation.name / f"month={value or 'none'}.xlsx", relation, rows, changed)
    return in_words(relation.name, changed)


def _month_of(relation: Relation) -> str | None:
    """Return the expression for a row's month; None if rows have no day."""
    if relation.day is None or relation.day == _MONTH:
        return relation.day
    return f"strftime({relation.day}, '%Y-%m')"


def _cells(relation: Relation, kind: Format) -> list[str]:
    def cell(name: str, type_: str) -> str:
        quoted = identifier(name)
        # Excel has no offsets; Parquet and CSV keep the instant.
        if kind == "xlsx" and type_ == INSTANT:
            return f"{quoted}::TIMESTAMP AS {quoted}"
        return f"{quoted}::VARCHAR AS {quoted}" if type_ == JSON else quoted

    return [cell(column.name, column.type) for column in relation.columns]


def as_json(done: Exported) -> dict[str, Any]:
    """Return what was written as `--json` prints it."""
    return {"target": str(done.target), "rows": done.rows, "told": done.told}


def guard_texts(connection: duckdb.DuckDBPyConnection, table: str, relation: Relation) -> list[str]:
    """Put an apostrophe before texts that a spreadsheet would run, and say how many there are."""
    columns = [identifier(column.name) for column in relation.columns if column.type == TEXT]
    count = 0
    for column in columns:
        rows = connection.execute(
            f"UPDATE {table} SET {column} = chr(39) || {column} WHERE {_IS_FORMULA.format(column=column)}"
        ).fetchall()
        count += rows[0][0]
    if not count:
        return []
    return [
        f"{relation.name}: {count:,} texts that a spreadsheet would run as a formula now begin with an "
        "apostrophe; Parquet has them unchanged"
    ]
