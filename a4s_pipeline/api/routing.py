"""Finds the route for a method and a raw path; codes may contain a percent-encoded `/`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.responses import Response

from a4s_pipeline.api.calls import Call
from a4s_pipeline.api.state import ServerState

Handler = Callable[[ServerState, Call], Awaitable[Response]]


@dataclass(frozen=True)
class Route:
    """One route; `may` is the right that a client needs, None if it needs no key."""

    method: str
    template: str
    handler: Handler
    may: str | None
    summary: str
    answers: Mapping[int, str]
    """The meaning of each status, for the documentation."""
    parameters: tuple[str, ...] = ()
    """The names of its query parameters."""
    body: str | None = None
    """The name of its body's schema."""
    result: str | None = None
    """The name of its answer's schema."""
    segments: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", tuple(self.template.split("/")))

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """Return the values in a path, or None if it belongs to another route."""
        if len(segments) != len(self.segments):
            return None
        values: dict[str, str] = {}
        for wanted, given in zip(self.segments, segments, strict=True):
            if wanted.startswith("{"):
                values[wanted[1:-1]] = given
            elif wanted != given:
                return None
        return values


def segments_of(raw_path: bytes) -> list[str]:
    """Return the segments of a path, each decoded separately."""
    return [unquote_to_bytes(part).decode("utf-8", "surrogateescape") for part in raw_path.split(b"/")]


def find(routes: Iterable[Route], method: str, raw_path: bytes) -> tuple[Route | None, dict[str, str], Any]:
    """Return the route of a call, the values in its path, and the methods that its path has."""
    segments = segments_of(raw_path)
    methods: list[str] = []
    for route in routes:
        values = route.match(segments)
        if values is None:
            continue
        if route.method == method:
            return route, values, methods
        methods.append(route.method)
    return None, {}, methods
