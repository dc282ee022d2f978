"""Writes rows as a workbook for Excel."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import xlsxwriter

from a4s_pipeline.errors import ChangeRequest
from a4s_pipeline.warehouse.schema.relations import Relation

MOST_ROWS = 1_048_576 - 1
"""The most rows of an Excel sheet, without the heading."""
_LONGEST_TEXT = 32_767
_MOST_DIGITS = 15
_CHANGES = {
    "cut": f"texts of more than {_LONGEST_TEXT:,} characters were cut: a cell of Excel holds no more",
    "rounded": f"numbers of more than {_MOST_DIGITS} digits are rounded: Excel calculates with no more",
    "dated": "days before 1900 are texts: Excel's calendar begins there",
}
_AT_ONCE = 10_000


def in_words(name: str, changed: Counter[str]) -> list[str]:
    """Say which values a sheet could not store unchanged."""
    return [f"{name}: {number:,} {_CHANGES[what]}" for what, number in sorted(changed.items())]


def write_workbook(
    target: Path, relation: Relation, rows: duckdb.DuckDBPyConnection, changed: Counter[str]
) -> None:
    """Write the rows of a query; raises `ChangeRequest` if they do not fit in a sheet.

    `changed` counts values that a cell cannot store unchanged; `in_words` describes them.
    """
    # Texts stay texts: one that begins with = is not a formula, and one that looks like a URL is not a link.
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(target), options) as book:
        sheet = book.add_worksheet(relation.name[:31])
        formats = {
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
            "instant": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        sheet.write_row(0, 0, [column.name for column in relation.columns], book.add_format({"bold": True}))
        sheet.freeze_panes(1, 0)
        number = 0
        while batch := rows.fetchmany(_AT_ONCE):
            for row in batch:
                number += 1
                if number > MOST_ROWS:
                    raise ChangeRequest(
                        f"{relation.name} has more rows than a sheet of Excel holds ({MOST_ROWS:,}): add "
                        "--partition-by month or --since, or export Parquet",
                        code="TooLarge",
                    )
                for column, value in enumerate(row):
                    if change := _write_cell(sheet, number, column, value, formats):
                        changed[change] += 1


def _write_cell(sheet: Any, row: int, column: int, value: Any, formats: dict[str, Any]) -> str | None:
    """Write a value, and return how it had to be changed, or None."""
    if value is None:
        return None
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, datetime | date):
        # Excel counts its days from 1900 on.
        if not 1900 <= value.year <= 9999:
            sheet.write_string(row, column, value.isoformat())
            return "dated"
        is_instant = isinstance(value, datetime)
        sheet.write_datetime(row, column, value, formats["instant" if is_instant else "day"])
    elif isinstance(value, int | float | Decimal):
        sheet.write_number(row, column, value)
        if isinstance(value, Decimal) and len(value.normalize().as_tuple().digits) > _MOST_DIGITS:
            return "rounded"
    else:
        text = str(value)
        sheet.write_string(row, column, text[:_LONGEST_TEXT])
        if len(text) > _LONGEST_TEXT:
            return "cut"
    return None
