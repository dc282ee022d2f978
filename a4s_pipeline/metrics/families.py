"""The names and meanings of the metrics; alert rules, dashboards and docs/monitoring.md use them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from a4s_pipeline.metrics.collecting import InstallationNumbers, LastRun
from a4s_pipeline.warehouse.rows.orders.writing import STREAM

_STREAM = ("connector", "stream")


def families_of(numbers: InstallationNumbers) -> Iterator[Metric]:
    """Yield every family of metrics for the state of an installation; instants are seconds since 1970."""
    yield _gauge("a4s_store_readable", "1 if the store can be read", (), {(): numbers.is_readable})
    # Without order history nothing can be out of date.
    due = {key: run for key, run in numbers.runs.items() if run.has_history is not False or run.last_success}
    yield _of_runs(
        "last_success_timestamp_seconds",
        "When it was last read completely; 0 if never",
        due,
        lambda run: run.last_success or 0,
    )
    yield _of_runs(
        "last_run_timestamp_seconds", "When it was last tried", numbers.runs, lambda run: run.last_run
    )
    yield _of_runs(
        "last_run_failed",
        "1 if the last run did not finish",
        numbers.runs,
        lambda run: run.last_run and float(run.has_failed),
    )
    yield _of_runs("last_run_seconds", "How long the last run took", numbers.runs, lambda run: run.seconds)
    yield _of_runs(
        "last_run_calls",
        "Calls to the gateway in the last run, including retries",
        numbers.runs,
        lambda run: run.calls,
    )
    yield _of_runs(
        "last_run_retries",
        "Retries of failed calls in the last run",
        numbers.runs,
        lambda run: run.retries,
    )
    yield _gauge(
        "a4s_stream_last_run_records",
        "Records of the last run, by outcome",
        (*_STREAM, "change"),
        {(*key, change): count for key, run in numbers.runs.items() for change, count in run.counts.items()},
    )
    yield _gauge(
        "a4s_history_last_sync_timestamp_seconds",
        "When the legacy backend last synced its order history",
        ("connector",),
        {(name,): run.last_history_sync for (name, stream), run in numbers.runs.items() if stream == STREAM},
    )
    yield _gauge("a4s_rows", "Rows, without removed ones", ("connector", "table"), numbers.rows)
    yield _gauge(
        "a4s_set_aside_records",
        "Records that could not be read and were not acknowledged",
        _STREAM,
        numbers.set_aside,
    )
    yield _gauge(
        "a4s_orders_without_lines",
        "Orders without lines",
        ("connector",),
        numbers.without_lines,
    )
    yield _gauge(
        "a4s_order_exports",
        "Orders in the export ledger, by status",
        ("connector", "status"),
        numbers.exports,
    )
    yield _gauge(
        "a4s_order_exports_oldest_unknown_timestamp_seconds",
        "When the oldest order with an unknown outcome was sent",
        ("connector",),
        numbers.oldest_unknown,
    )
    yield _gauge("a4s_inbox_requests", "Requests waiting in the inbox", (), {(): numbers.waiting})
    yield _gauge(
        "a4s_inbox_oldest_timestamp_seconds",
        "When the oldest waiting request arrived",
        (),
        {(): numbers.oldest_waiting},
    )


def _of_runs(
    name: str,
    meaning: str,
    runs: Mapping[tuple[str, str], LastRun],
    number: Callable[[LastRun], float | None],
) -> Metric:
    return _gauge(f"a4s_stream_{name}", meaning, _STREAM, {key: number(run) for key, run in runs.items()})


def _gauge(
    name: str, meaning: str, labels: tuple[str, ...], numbers: Mapping[tuple[str, ...], float | None]
) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for values, number in numbers.items():
        if number is not None:
            family.add_metric(values, number)
    return family


class NumbersCollector(Collector):
    """The families of one state, as a registry collects them."""

    def __init__(self, numbers: InstallationNumbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        return families_of(self._numbers)


def page_of(numbers: InstallationNumbers) -> bytes:
    """Return the metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(NumbersCollector(numbers))
    return generate_latest(registry)
