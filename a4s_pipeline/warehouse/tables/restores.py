"""The table of restores, after which a ledger may know less than the gateway."""

from __future__ import annotations

from a4s_pipeline.warehouse.table import INSTANT, Column
from a4s_pipeline.warehouse.tables.common import synced_table

RESTORES = synced_table(
    "restores",
    "When this store was restored from a backup: its ledger does not know what was sent in between.",
    ("restored_at",),
    Column("restored_at", INSTANT, "When the backup was restored."),
    Column("backup_made_at", INSTANT, "When the backup was made."),
)
