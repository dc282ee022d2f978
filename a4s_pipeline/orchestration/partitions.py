"""Partitions of the assets (connector by month for orders), and the meaning of a run's keys and tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import dagster as dg

from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.sync.windows import Months
from a4s_pipeline.warehouse.rows.orders.writing import STREAM

CONNECTOR = "connector"
MONTH = "month"
_MONTH_FORMAT = "%Y-%m-%d"

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"


def connector_partitions(settings: Settings, stream: str) -> dg.StaticPartitionsDefinition:
    """One partition a connector whose stream is imported, by its name."""
    return dg.StaticPartitionsDefinition(settings.connectors_with(stream))


def connector_month_partitions(settings: Settings) -> dg.MultiPartitionsDefinition:
    """One partition a month of a connector's orders, from `A4S_HISTORY_START` to the running one."""
    months = dg.MonthlyPartitionsDefinition(
        start_date=settings.history_start.replace(day=1).strftime(_MONTH_FORMAT),
        fmt=_MONTH_FORMAT,
        timezone=settings.timezone.key,
        end_offset=1,
    )
    return dg.MultiPartitionsDefinition({CONNECTOR: connector_partitions(settings, STREAM), MONTH: months})


def months_by_connector(partition_keys: Iterable[str]) -> dict[str, Months]:
    """Return the span of months in a run's partition keys, for each connector."""
    named: dict[str, list[date]] = {}
    for key in partition_keys:
        connector, month = key.split("|")
        named.setdefault(connector, []).append(date.fromisoformat(month))
    return {connector: Months(min(months), max(months)) for connector, months in named.items()}


def month_key(connector: str, month: date) -> dg.MultiPartitionKey:
    """Return the partition of a connector's month."""
    return dg.MultiPartitionKey({CONNECTOR: connector, MONTH: month.strftime(_MONTH_FORMAT)})


def month_tags(connector: str, month: date) -> dict[str, str]:
    """Return the tags of a run over one month of a connector."""
    return {PARTITION: str(month_key(connector, month))}


def partitions_of(context: dg.AssetExecutionContext) -> list[str]:
    """Return the partitions of a run.

    A single one is read from its tag: to look it up, Dagster would list all months of all connectors, 0.6 s
    for a hundred.
    """
    if (key := context.run.tags.get(PARTITION)) is not None:
        return [key]
    return list(context.partition_keys)


def connectors_of_run(tags: Mapping[str, str], connectors: Sequence[str]) -> list[str]:
    """Return the connectors of a run with these tags."""
    if PARTITION in tags:
        return [name for name in connectors if name == tags[PARTITION].split("|")[0]]
    if RANGE_START in tags and RANGE_END in tags:
        first, last = (tags[tag].split("|")[0] for tag in (RANGE_START, RANGE_END))
        if first in connectors and last in connectors:
            return list(connectors[connectors.index(first) : connectors.index(last) + 1])
    return []


def months_of_run(tags: Mapping[str, str], connectors: Sequence[str]) -> dict[str, Months]:
    """Return each connector's months in a run with these tags, if it names any."""
    ends = (
        [tags[PARTITION]] * 2 if PARTITION in tags else [tags.get(RANGE_START, ""), tags.get(RANGE_END, "")]
    )
    parts = [key.partition("|")[2] for key in ends]
    if not all(parts):
        return {}
    months = Months(date.fromisoformat(parts[0]), date.fromisoformat(parts[1]))
    return dict.fromkeys(connectors_of_run(tags, connectors), months)
