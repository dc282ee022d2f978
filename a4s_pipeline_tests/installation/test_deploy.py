"""Several machines follow the same rules as one."""

from __future__ import annotations

from typing import Any

import yaml

from a4s_pipeline_tests.support.project import ROOT


def settings(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return read


def test_one_machine_and_many_limit_the_same_and_keep_the_same() -> None:
    one, many = settings("dagster.yaml"), settings("deploy/dagster.yaml")
    chart = settings("deploy/helm-values.yaml")["dagsterDaemon"]
    of_chart = chart["runCoordinator"]["config"]["queuedRunCoordinator"]["tagConcurrencyLimits"]
    of_files = [each["concurrency"]["runs"]["tag_concurrency_limits"] for each in (one, many)]
    of_connector = {"key": "a4s/connector", "value": {"applyLimitPerUniqueValue": True}, "limit": 3}
    for limits in (*of_files, of_chart):
        assert [limit["key"] for limit in limits] == ["a4s/work", "a4s/connector"]
        assert of_connector in limits
    for section in ("telemetry", "nux", "run_retries", "freshness", "retention"):
        assert many[section] == one[section]
    longest = one["run_monitoring"]["max_runtime_seconds"]
    assert many["run_monitoring"]["max_runtime_seconds"] == longest
    assert chart["runMonitoring"]["maxRuntimeSeconds"] == longest
    sent = many["run_launcher"]["config"]["config_source"]["broker_transport_options"]
    assert sent["visibility_timeout"] > longest  # or Redis would hand a run to a second worker
