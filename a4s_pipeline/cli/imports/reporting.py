"""Reports what a command did to the Dagster instance of DAGSTER_HOME, if there is one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from a4s_pipeline.cli.output import say
from a4s_pipeline.health.finding import Check, Finding
from a4s_pipeline.importing import Import
from a4s_pipeline.platform import Platform

Report = Callable[[Sequence[Import], Mapping[Check, Finding] | None], None]
"""Receives the imports and what the checks found; None if nothing was published or checked."""


def _nobody(_imports: Sequence[Import], _findings: Mapping[Check, Finding] | None) -> None:
    pass


@contextmanager
def reporter(platform: Platform) -> Iterator[Report]:
    """Yield a reporter to the instance of DAGSTER_HOME; without one, Dagster is not loaded.

    The instance is opened first, so that a missing one is reported before any call is made.
    """
    home = os.environ.get("DAGSTER_HOME")
    if not home:
        yield _nobody
        return
    # Loading Dagster takes a second.
    from a4s_pipeline.orchestration.layout import Layout  # noqa: PLC0415
    from a4s_pipeline.orchestration.reporting import Reports, instance_at  # noqa: PLC0415

    with instance_at(home) as instance:
        reports = Reports(instance, platform, Layout())

        def report(imports: Sequence[Import], findings: Mapping[Check, Finding] | None) -> None:
            try:
                reports.imports(imports)
                if findings is not None:
                    reports.published()
                    reports.findings(findings)
            except Exception as fault:
                # Dagster's database may fail: the imported data is stored and published anyway.
                say(f"a4s: Dagster could not record this import ({type(fault).__name__}: {fault})", err=True)

        yield report
