"""The table of drift: where records departed from the contract."""

from __future__ import annotations

from a4s_pipeline.warehouse.table import INSTANT, TEXT, WHOLE, Column
from a4s_pipeline.warehouse.tables.common import synced_table

DRIFT = synced_table(
    "drift",
    "Fields of records that depart from the contract, counted by run; the runs of the last 30 days. "
    "Lines are read, and counted, for new and changed orders only.",
    ("stream", "run_id", "field", "drift", "found"),
    Column("stream", TEXT, "orders, order_lines, items or customers."),
    Column(
        "field",
        TEXT,
        "The path of the field, such as stock.shelfStock or addresses[].type; … stands for unknown fields "
        "beyond 200 of a stream, * for any name.",
    ),
    Column(
        "drift",
        TEXT,
        "unknown: the contract does not name it. missing: it must be there, and is absent or null. "
        "kind: it is of another kind than it must be. value: it is of that kind and cannot be read. "
        "text: it holds U+FFFD in the place of a byte that could not be read, or a control character as it "
        "came.",
    ),
    Column("found", TEXT, "What was found: text, number, flag, list, object or nothing."),
    Column("example", TEXT, "The form of the first value found: a letter is x or X, a digit 9."),
    Column(
        "records",
        WHOLE,
        "How many records of the run have it; if a listing was read several times, the largest count.",
    ),
    Column("first_seen_at", INSTANT, "When a run first found it, as far back as the table goes."),
)
