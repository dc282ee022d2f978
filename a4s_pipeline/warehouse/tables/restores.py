"""The table of restores: since when a ledger may know less than the gateway."""

from __future__ import annotations

from a4s_pipeline.warehouse.schema.schema import INSTANT, Column
from a4s_pipeline.warehouse.tables.common import synced_table

RESTORES = synced_table(
    "restores",
    "When this store was put back from a backup: what was sent in between, its ledger does not know.",
    ("restored_at",),
    Column("restored_at", INSTANT, "When the backup was put in place."),
    Column("backup_made_at", INSTANT, "When the backup was made."),
)
