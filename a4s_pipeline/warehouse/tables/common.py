"""The columns that tables share."""

from __future__ import annotations

from a4s_pipeline.warehouse.table import INSTANT, JSON, TEXT, Column, Table

CONNECTOR = Column("connector", TEXT, "The App4Sales Platform connection that the row belongs to.")
SYNCED_AT = Column("synced_at", INSTANT, "When the row was last written.")
RUN_ID = Column("run_id", TEXT, "The run that last wrote the row, as shown in Dagster.")
ATTRIBUTES = Column(
    "attributes",
    JSON,
    "Fields that the contract does not name, together with the record's own attributes, which win if "
    "names clash.",
    is_personal=True,
)
REMOVED_AT = Column(
    "removed_at", INSTANT, "When the record was found missing at the source; null while it is there."
)
FINGERPRINT = Column(
    "fingerprint", TEXT, "A hash of the record as received; a sync uses it to see whether the record changed."
)


def synced_table(name: str, comment: str, key: tuple[str, ...], *columns: Column) -> Table:
    """Describe a table with rows per connector: the connector first, the run and time of writing last.

    `key` identifies a row within its connector; empty if nothing does.
    """
    whole_key = ("connector", *key) if key else ()
    return Table(name, comment, whole_key, (CONNECTOR, *columns, SYNCED_AT, RUN_ID))
