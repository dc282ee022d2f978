"""The table of acknowledgements of set-aside records, with reasons."""

from __future__ import annotations

from a4s_pipeline.warehouse.table import INSTANT, TEXT, Column
from a4s_pipeline.warehouse.tables.common import synced_table

ACKNOWLEDGED = synced_table(
    "acknowledged",
    "Records that were set aside and that somebody has acknowledged, with the reason; valid until the "
    "record changes.",
    ("stream", "record_key", "part"),
    Column("stream", TEXT, "The stream, as in set_aside."),
    Column("record_key", TEXT, "The record, as in set_aside."),
    Column("part", TEXT, "The part of the record, as in set_aside."),
    Column(
        "content",
        TEXT,
        "A hash of the payload and its reason: if either changes, the record is no longer acknowledged.",
    ),
    Column("acknowledged_at", INSTANT, "When it was acknowledged."),
    Column("acknowledged_by", TEXT, "By whom."),
    Column("note", TEXT, "Why it may stay as it is."),
)
