"""The table of acknowledgements: somebody has seen what was set aside, and said why it may stay so."""

from __future__ import annotations

from a4s_pipeline.warehouse.schema.schema import INSTANT, TEXT, Column
from a4s_pipeline.warehouse.tables.common import synced_table

ACKNOWLEDGED = synced_table(
    "acknowledged",
    "What was set aside and somebody has acknowledged, with the reason; it counts until the record changes.",
    ("stream", "record_key", "part"),
    Column("stream", TEXT, "The stream, as in set_aside."),
    Column("record_key", TEXT, "The record, as in set_aside."),
    Column("part", TEXT, "The part of the record, as in set_aside."),
    Column("content", TEXT, "A hash of the payload and its reason: another of them is not acknowledged yet."),
    Column("acknowledged_at", INSTANT, "When it was acknowledged."),
    Column("acknowledged_by", TEXT, "By whom."),
    Column("note", TEXT, "Why it may stay as it is."),
)
