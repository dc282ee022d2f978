"""Turns an answer's HTTP status and problem code into one of our errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import ceil
from typing import Any

from a4s_pipeline.errors import (
    IT_SAYS,
    A4sError,
    AccessDenied,
    ChangeRequest,
    Forbidden,
    GatewayUnavailable,
    HistoryNotConfigured,
    Inconclusive,
    NotAskedInTime,
    NotThere,
    ReplyBeyondBounds,
    UnknownAdministration,
)
from a4s_pipeline.files import exact_json
from a4s_pipeline.gateway.calls.refusals import Mask, field_faults, reason_in
from a4s_pipeline.gateway.wire.faults import unreadable

_CODE = re.compile(r"[A-Za-z]{1,60}")


def problem_code(body: bytes) -> str | None:
    """Return the `code` of a problem+json body, or None if it has no plain one."""
    code = _problem(body).get("code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def _problem(body: bytes) -> Mapping[str, Any]:
    try:
        problem = exact_json.loads(body)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def error_for(
    status: int,
    body: bytes,
    subject: str,
    wait_seconds: float | None,
    *,
    mask: Mask = str,
    is_post: bool = False,
) -> A4sError:
    """Return the error for an answer other than 2xx; `subject` names the record.

    The message includes the gateway's own reason, masked by `mask`. After a POST, a 409 or a redirect does
    not say whether anything was done.
    """
    code = problem_code(body)
    told = f"the gateway answered {status}{f' {code}' if code else ''} for {subject}"
    reason = reason_in(body, mask)
    says = f"{IT_SAYS}{reason}" if reason else ""
    if is_post and (status == 409 or 300 <= status < 400):
        return _inconclusive(status, body, f"{told}, {_why(status)}{says}", code)
    if status in (401, 403):
        advice = "check A4S_GATEWAY_TOKEN, or A4S_GATEWAY_USER and A4S_GATEWAY_PASSWORD"
        kind = Forbidden if status == 403 else AccessDenied
        return kind(f"{told}: {advice}{says}")
    if code == "UnknownAdministration":
        return UnknownAdministration(
            f"{told}: check the AdministrationName in A4S_CONNECTORS, letter by letter{says}"
        )
    if code == "FocusConnectorNotConfigured":
        return no_focus_connector(subject)
    if status == 404:
        return NotThere(f"{told}: it is not known there{says}", code=code)
    if status in (408, 429) or status >= 500:
        # By contract, "busy" comes before anything is done; any other 5xx may come after.
        is_busy = status == 429 or (status == 503 and wait_seconds is not None)
        when = "later" if wait_seconds is None else f"in {seconds_in_words(wait_seconds)}"
        message = f"{told}: try again {when}{says}"
        return GatewayUnavailable(message, wait_seconds=wait_seconds, is_untaken=is_busy)
    if 300 <= status < 400:
        return ChangeRequest(f"{told}, {_why(status)}{says}")
    if status == 409:
        return ChangeRequest(f"{told}: it is already there{says}", code=code)
    faults = field_faults(body, mask)
    return ChangeRequest(f"{told}: the request must change{says}", code=code, fields=faults)


def accepted_only(body: bytes, subject: str) -> Inconclusive:
    """Return the error for a 202 to a POST: the work may still be done, or still fail."""
    return _inconclusive(202, body, f"the gateway answered 202 for {subject}, {_why(202)}", None)


def without_numbers(subject: str, missing: str) -> Inconclusive:
    """Return the error for a complete 2xx answer to a POST that does not say what was created."""
    return Inconclusive(
        f"the gateway's answer for {subject} has no {missing}: what came of it is looked up",
        code="NoNumbers",
    )


def contradicted(status: int, subject: str, *, is_post: bool) -> A4sError:
    """Return the error for a refusal followed by another answer: it may belong to another call."""
    if not is_post:
        return unreadable(subject, f"it says {status}, and another answer follows")
    return Inconclusive(
        f"the gateway answered {status} for {subject}, and another answer follows: "
        "what came of it is looked up",
        code="Contradicted",
    )


def _why(status: int) -> str:
    if status == 409:
        return "which may mean that it is there, that it is under way, or that it is not wanted"
    if status == 202:
        return "which means that it is not done yet"
    return "a redirect, which is not followed: set A4S_GATEWAY_URL to its final address"


def _inconclusive(status: int, body: bytes, message: str, code: str | None) -> Inconclusive:
    own = {409: "Conflict", 202: "Accepted"}.get(status, "Redirected")
    return Inconclusive(message, code=code or own, known=_known(body))


def _known(body: bytes) -> dict[str, str]:
    """Return the identifiers in an answer."""
    problem = _problem(body)
    return {
        name: str(problem[name])
        for name in ("orderId", "orderNumber", "externalId", "customerCode")
        if isinstance(problem.get(name), str | int) and not isinstance(problem[name], bool)
    }


def no_time_left(subject: str, wait_seconds: float) -> NotAskedInTime:
    """Return the error for a call that was not made because its answer would have come too late."""
    when = f"in {seconds_in_words(wait_seconds)}" if wait_seconds else "later"
    return NotAskedInTime(
        f"the gateway cannot be asked for {subject} in time: try again {when}",
        wait_seconds=wait_seconds or None,
        is_untaken=True,
    )


def seconds_in_words(seconds: float) -> str:
    """Return a pause for a message: whole seconds, at least 1."""
    return f"{max(1, ceil(seconds))} s"


def no_focus_connector(subject: str) -> HistoryNotConfigured:
    """Return the error for an administration without order history at the legacy backend."""
    return HistoryNotConfigured(
        f"order history does not exist for {subject}: its legacy backend has no focus connector. "
        "Have one configured there, or leave orders out of the connector's streams in A4S_CONNECTORS"
    )


def nested_too_deeply(subject: str) -> ReplyBeyondBounds:
    """Return the error for a 2xx answer that is nested too deeply."""
    return ReplyBeyondBounds(
        f"the gateway's answer for {subject} is nested too deeply to be read: "
        "show this to whoever runs the gateway"
    )
