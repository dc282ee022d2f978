"""What runs on several machines goes by the rules of what runs on one."""

from __future__ import annotations

from typing import Any

import yaml

from a4s_pipeline_tests.support.project import ROOT


def settings(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return read


def test_one_machine_and_many_limit_the_same_and_keep_the_same() -> None:
    one, many, chart = (
        settings("dagster.yaml"),
        settings("deploy/dagster.yaml"),
        settings("deploy/helm-values.yaml"),
    )
    daemon = chart["dagsterDaemon"]
    of_chart = daemon["runCoordinator"]["config"]["queuedRunCoordinator"]["tagConcurrencyLimits"]
    of_connector = {"key": "a4s/connector", "value": {"applyLimitPerUniqueValue": True}, "limit": 3}
    for limits in (
        *(each["concurrency"]["runs"]["tag_concurrency_limits"] for each in (one, many)),
        of_chart,
    ):
        assert [limit["key"] for limit in limits] == ["a4s/work", "a4s/connector"]
        assert of_connector in limits
    for section in ("telemetry", "nux", "run_retries", "freshness", "retention"):
        assert many[section] == one[section]
    longest = one["run_monitoring"]["max_runtime_seconds"]
    assert (
        many["run_monitoring"]["max_runtime_seconds"]
        == daemon["runMonitoring"]["maxRuntimeSeconds"]
        == longest
    )
    visible = many["run_launcher"]["config"]["config_source"]["broker_transport_options"][
        "visibility_timeout"
    ]
    assert visible > longest  # or Redis would hand a run to a second worker
