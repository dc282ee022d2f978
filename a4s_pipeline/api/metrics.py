"""The metrics of the HTTP interface, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counts answers; labels name routes and clients, never the code of a record."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "a4s_http_requests",
            "Calls that were answered",
            ("route", "method", "status", "client"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "a4s_http_request_seconds",
            "How long an answer took",
            ("route", "method"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._open = Gauge("a4s_http_requests_open", "Calls under way", registry=self._registry)

    def begin(self) -> None:
        """Count a call that has arrived."""
        self._open.inc()

    def end(self, route: str, method: str, status: int, client: str, seconds: float) -> None:
        """Count a call that was answered."""
        self._open.dec()
        self._requests.labels(route, method, str(status), client).inc()
        self._seconds.labels(route, method).observe(seconds)

    def page(self) -> bytes:
        """Return the numbers as Prometheus reads them."""
        return generate_latest(self._registry)
