"""Lets a step fail with our own message, and finds a failed run's reason; no traceback."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg

from a4s_pipeline.errors import A4sError, GatewayUnavailable

INTERRUPTIONS = frozenset({"KeyboardInterrupt", "DagsterExecutionInterruptedError"})
_CODES = "codes"
# One of our errors is reported by its message; any other has its class name before it.
_WHERE_IT_IS_FROM = re.compile(r"^a4s_pipeline\.[\w.]+: |^(?:\w+\.)+(?=\w+(?::|$))")


@contextmanager
def told_plainly() -> Iterator[None]:
    """Let a step end with only the message of an expected failure."""
    try:
        yield
    except A4sError as error:
        raise plain_failure([str(error)], [error]) from None


def plain_failure(
    lines: Sequence[str], errors: Sequence[A4sError], metadata: Mapping[str, Any] | None = None
) -> dg.Failure:
    """Return a failure with these lines and the codes of their errors."""
    codes = ", ".join(sorted({error.code for error in errors}))
    return dg.Failure("\n".join(lines), {**(metadata or {}), _CODES: codes}, allow_retries=False)


def is_outage(event: dg.DagsterEvent) -> bool:
    """Tell whether a step failed only because the gateway gave no answer."""
    failure = event.step_failure_data.user_failure_data
    codes = failure.metadata.get(_CODES) if failure else None
    return codes is not None and codes.value == GatewayUnavailable.code


def reason_of_step(event: dg.DagsterEvent) -> str | None:
    """Return why a step failed: its own message, or else the error that ended it."""
    failure = event.step_failure_data
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    if failure.error is None:
        return None
    if failure.error.cls_name in INTERRUPTIONS:
        return "it was interrupted: Dagster was stopped, or somebody ended the run"
    return _words_of((failure.error.cause or failure.error).message)


def _words_of(message: str) -> str | None:
    return _WHERE_IT_IS_FROM.sub("", message.strip()) or None


def reason_of(steps: Sequence[dg.DagsterEvent], end: dg.DagsterEvent) -> str | None:
    """Return why a run failed: its first failed step, or else Dagster's reason."""
    for event in steps:
        if reason := reason_of_step(event):
            return reason
    told = reason_of_end(end) or end.message or "no reason"
    return f"no step failed, its process could not start or ended before it was done: {told}"


def reason_of_end(end: dg.DagsterEvent) -> str | None:
    """Return why a run failed before its first step, if Dagster kept the error."""
    # Dagster's run monitoring reports failures without event data.
    error = getattr(end.event_specific_data, "error", None)
    return _words_of((error.cause or error).message) if error else None
