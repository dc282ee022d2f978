"""Stores the results of the last reconciliation, month by month."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from a4s_pipeline.warehouse.rows.staging import Row, replace_rows
from a4s_pipeline.warehouse.tables import RECONCILED_MONTHS


def save_reconciled_months(connection: duckdb.DuckDBPyConnection, rows: Sequence[Row]) -> None:
    """Replace the stored results of these months."""
    replace_rows(connection, RECONCILED_MONTHS, rows)
