"""The installation in numbers: the file's content, and rules, dashboard and page that name real metrics."""

import os
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from a4s_pipeline.api.metrics import Metrics
from a4s_pipeline.metrics.collecting import InstallationNumbers, collected
from a4s_pipeline.metrics.families import families_of, page_of
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline_tests.cli.conftest import Installation
from a4s_pipeline_tests.support.project import ROOT


def numbers(text: str) -> dict[tuple[str, ...], float]:
    """By name and label values, sorted by the labels' names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_after_an_import_the_file_says_how_each_stream_is_and_what_waits(site: Installation) -> None:
    target = site.folder / "a4s.prom"
    site.serve_both()
    site.settings["A4S_METRICS_FILE"] = str(target)
    site.put("A")
    site.put("B")
    inbox = site.folder / "data" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "shop-1.json").write_text("{}")
    before = os.umask(0o027)  # that of the shipped units
    try:
        assert site.a4s("sync", "orders").status == 0
    finally:
        os.umask(before)
    # node_exporter runs as another user, and may read it.
    assert target.stat().st_mode & 0o777 == 0o644
    told = numbers(target.read_text())
    assert told["a4s_store_readable",] == 1
    assert told["a4s_rows", "demo", "orders"] == 2
    assert told["a4s_stream_last_run_records", "new", "demo", "orders"] == 2
    assert told["a4s_stream_last_run_calls", "demo", "orders"] > 0
    assert told["a4s_stream_last_success_timestamp_seconds", "demo", "orders"] > 1.7e9
    assert told["a4s_stream_last_success_timestamp_seconds", "demo", "items"] == 0  # imported, and never read
    assert (
        "a4s_stream_last_success_timestamp_seconds",
        "zuid",
        "orders",
    ) not in told  # no history
    assert told["a4s_history_last_sync_timestamp_seconds", "demo"] > 1.7e9
    assert told["a4s_inbox_requests",] == 1
    assert told["a4s_inbox_oldest_timestamp_seconds",] > 1.7e9


def test_a_store_that_cannot_be_read_is_reported_as_such_and_not_as_streams_out_of_date(
    tmp_path: Path,
) -> None:
    settings = GivenSettings(connectors={"demo": "Demo B.V."}, data_dir=tmp_path)
    assert numbers(page_of(collected(Platform(settings))).decode())["a4s_store_readable",] == 1
    (tmp_path / "analytics.duckdb").write_bytes(b"no database" * 1000)
    told = numbers(page_of(collected(Platform(settings))).decode())
    assert told["a4s_store_readable",] == 0
    assert not any(name.startswith("a4s_stream") for name, *_ in told)


def test_a_file_that_cannot_be_written_is_a_warning_and_the_import_is_done(site: Installation) -> None:
    site.settings["A4S_METRICS_FILE"] = "/dev/null/a4s.prom"
    site.put("A")
    done = site.a4s("sync", "orders")
    assert done.status == 0
    assert site.held() == ["A"]


def test_rules_dashboard_and_page_name_numbers_that_there_are() -> None:
    server = Metrics()
    server.begin()
    server.end("/", "GET", 200, "anybody", 0.1)
    ours = {family.name for family in families_of(InstallationNumbers())}
    known = ours | {name for name, *_ in numbers(server.page().decode())}
    page = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
    for name in ("deploy/monitoring/alerts.yml", "deploy/monitoring/dashboard.json", "docs/monitoring.md"):
        named = set(re.findall(r"\ba4s_[a-z_]+\b(?!\.)", (ROOT / name).read_text(encoding="utf-8")))
        assert named - known - {"a4s_http_request_seconds"} == set(), name
    assert {name for name in ours if f"`{name}`" not in page} == set()
