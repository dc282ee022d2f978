"""The answer to a request: a status, and an answer or an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Literal

from a4s_pipeline.errors import A4sError, ChangeRequest, FieldFault, TryAgain

UNKNOWN = "OutcomeUnknown"
_PAUSE = "retryAfterSeconds"

Status = Literal["ok", "refused", "failed", "unknown"]


@dataclass(frozen=True)
class Answered:
    """The outcome of a request: `answer` if there is one, `error` if something is to be done."""

    status: Status
    answer: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    is_new: bool = field(default=False, compare=False)
    """Whether something was sent for it now, and not known from before."""
    told: dict[str, Any] | None = None
    """If nothing could be answered: each part with its own error, for showing them one by one."""
    flaw: str | None = None
    """Why a part of it could not be answered; logged as a failure in the flow executions."""


def refusal(error: ChangeRequest) -> Answered:
    """Return the answer to a request that must change."""
    return Answered("refused", None, error_object(error))


def failure(error: A4sError) -> Answered:
    """Return the answer for an error: refused if the request must change, failed if a retry may help."""
    if isinstance(error, ChangeRequest):
        return refusal(error)
    return Answered("unknown" if error.code == UNKNOWN else "failed", None, error_object(error))


def error_object(error: A4sError) -> dict[str, Any]:
    """Return an error as answers and `--json` show it."""
    fields = error.fields if isinstance(error, ChangeRequest) else ()
    shown = error_of(error.code, str(error), fields)
    if isinstance(error, TryAgain) and error.wait_seconds is not None:
        shown[_PAUSE] = max(1, ceil(error.wait_seconds))
    return shown


def with_pause(error: dict[str, Any], response: Mapping[str, Any]) -> dict[str, Any]:
    """Return an error with the pause that the gateway asked for, where what the ledger keeps names one."""
    pause = response.get(_PAUSE)
    return error if pause is None else {**error, _PAUSE: pause}


def error_of(code: str, message: str, fields: tuple[FieldFault, ...] = ()) -> dict[str, Any]:
    """Return the object that tells an error."""
    return {
        "code": code,
        "message": message,
        "fields": [{"field": fault.field, "message": fault.message} for fault in fields],
    }
