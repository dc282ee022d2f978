"""Runs everything in one process, with every library logging as much as it can.

`python -m a4s_pipeline_tests.hostile.everything ELSEWHERE`: the settings come from the environment, and
ELSEWHERE is a JSON object of further environments to run some of the commands in.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from functools import partial
from pathlib import Path

import dagster as dg

from a4s_pipeline.cli import main
from a4s_pipeline.gateway.calls import client
from a4s_pipeline.gateway.calls.retrying import RetryRule
from a4s_pipeline.orchestration.graph import build_definitions
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import load_settings

COMMANDS = (
    "check",
    "sync all",
    "stock A1 nowhere",
    "orders",
    "orders --json",
    "order O1",
    "order nowhere",
    "export-order order.json --dry-run",
    "export-order order.json",
    "export-order raises.json",
    "export-order raises.json --dry-run",
    "export-order refused.json",
    "exports",
    "exports --json",
    "retry IO-raises",
    "create-customer customer.json",
    "images",
    "report",
)
ELSEWHERE = ("check", "stock A1", "export-order later.json")


def a4s(command: str) -> None:
    sys.argv = ["a4s", *command.split()]
    try:
        main()
    except SystemExit as ended:
        print(f"== {command}: {ended.code or 0}", flush=True)  # noqa: T201 - to be looked through


def answer_the_inbox() -> None:
    settings = load_settings()
    job = build_definitions(settings).resolve_job_def("on_demand")
    with dg.DagsterInstance.get() as instance:
        job.execute_in_process(
            instance=instance, resources={"platform": Platform(settings)}, raise_on_error=False
        )


def run(elsewhere: list[dict[str, str]]) -> None:
    for command in COMMANDS:
        a4s(command)
    inbox = Path("data/inbox")
    inbox.mkdir(exist_ok=True)
    for name in ("raises", "refused"):
        order = json.loads(Path(f"{name}.json").read_text())
        request = {"kind": "export_order", "order": order | {"intakeOrderId": f"inbox-{name}"}}
        (inbox / f"{name}.json").write_text(json.dumps(request))
    (inbox / "stock.json").write_text(json.dumps({"kind": "projected_stock", "items": [{"itemCode": "A1"}]}))
    answer_the_inbox()
    for environment in elsewhere:
        os.environ.update(environment)
        for command in ELSEWHERE:
            a4s(command)
    # Once is enough: with all that is logged, a recorded run takes seconds.
    a4s("sync items")


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    # Five tries each, as ever, without the seconds between them.
    setattr(client, "RetryRule", partial(RetryRule, first_wait=0.001))  # noqa: B010 - a name it imports
    run(json.loads(sys.argv[1]))
