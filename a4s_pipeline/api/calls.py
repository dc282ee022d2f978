"""One call as its handler sees it: the client, the path, the query and the body."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from a4s_pipeline.errors import ChangeRequest, FieldFault
from a4s_pipeline.ondemand.answers import Answered
from a4s_pipeline.ondemand.requests.parsing import LARGEST_REQUEST, parse_request
from a4s_pipeline.settings.api_keys import ApiClient

LONGEST_TIMEOUT = 120.0
_BODY_WITHIN = 30.0
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)?")


@dataclass
class Call:
    """One call; `until` is its deadline, a time of `time.monotonic`."""

    request: Request
    client: ApiClient
    path: Mapping[str, str]
    until: float
    has_own_deadline: bool = False
    """Whether the caller set the deadline."""
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def connector(self) -> str:
        """The connector in its path."""
        return self.path["connector"]

    def query(self, *known: str) -> dict[str, str]:
        """Return its query; raises `ChangeRequest` for an unknown or repeated parameter."""
        text = self.request.scope["query_string"].decode("latin-1")
        try:
            pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=100)
        except ValueError:
            raise ChangeRequest("the query has too many parameters", code="Invalid") from None
        faults = [
            FieldFault(name, f"is not known here; there are {', '.join(known) or 'none'}")
            for name in dict.fromkeys(name for name, _ in pairs)
            if name not in known
        ]
        names = [name for name, _ in pairs]
        faults += [FieldFault(name, "is given twice") for name in known if names.count(name) > 1]
        if faults:
            raise ChangeRequest("the query cannot be read", code="Invalid", fields=tuple(faults))
        return dict(pairs)

    async def body(self) -> Mapping[str, Any]:
        """Return its body, a JSON object; raises `ChangeRequest` for any other or too large a body."""
        if _length_of(self.request) > LARGEST_REQUEST:
            raise _too_large()
        try:
            return parse_request(await asyncio.wait_for(self._raw_body(), _BODY_WITHIN))
        except TimeoutError:
            raise ChangeRequest(
                f"the body did not arrive within {_BODY_WITHIN:g} s", code="BodyTimeout"
            ) from None

    async def _raw_body(self) -> bytes:
        raw = bytearray()
        async for part in self.request.stream():
            raw += part
            if len(raw) > LARGEST_REQUEST:
                raise _too_large()
        return bytes(raw)


def _length_of(request: Request) -> int:
    told = request.headers.get("content-length", "")
    return int(told[:20]) if told.isascii() and told.isdigit() else 0


def _too_large() -> ChangeRequest:
    return ChangeRequest(f"the body is larger than {LARGEST_REQUEST >> 20} MiB", code="TooLarge")


def deadline_of(request: Request, usual_seconds: float) -> tuple[float, bool]:
    """Return the deadline of a call, by `X-Request-Timeout` or the default, and whether the caller set it."""
    given = request.headers.get("x-request-timeout")
    seconds = usual_seconds
    if given is not None:
        seconds = float(given) if _NUMBER.fullmatch(given) else -1.0
        if not 0 < seconds < float("inf"):
            fault = FieldFault("X-Request-Timeout", "must be a number of seconds, more than 0")
            raise ChangeRequest("the header cannot be read", code="Invalid", fields=(fault,))
    return time.monotonic() + min(seconds, LONGEST_TIMEOUT), given is not None


def renamed(answered: Answered, names: Mapping[str, str]) -> Answered:
    """Return an answer with faults that name the caller's parameters instead of the fields they fill."""
    for fault in (answered.error or {}).get("fields", ()):
        fault["field"] = names.get(fault["field"], fault["field"])
    return answered
