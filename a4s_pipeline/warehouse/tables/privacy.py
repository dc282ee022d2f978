"""The table of forgotten customers: it keeps them from coming back, and records who asked."""

from __future__ import annotations

from a4s_pipeline.warehouse.table import INSTANT, JSON, TEXT, Column
from a4s_pipeline.warehouse.tables.common import synced_table

FORGOTTEN_CUSTOMERS = synced_table(
    "forgotten_customers",
    "Customers whose personal data was removed on request: no sync brings it back.",
    ("customer_code",),
    Column("customer_code", TEXT, "The customer's code, which the books keep."),
    Column("forgotten_at", INSTANT, "When the data was last removed."),
    Column("asked_by", TEXT, "Who asked for it: the person named in the command, or else its user."),
    Column("touched", JSON, "How many rows and files were removed or blanked, by table and folder."),
)
