"""The log of a command on standard error, as text or as one JSON object a line (A4S_LOG_FORMAT)."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

ACCESS = "a4s_pipeline.access"
_FIELDS = ("connector", "run_id", "request_id", "code")

_log = logging.getLogger(__name__)


class _JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what is known of what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _FIELDS if getattr(record, name, None) is not None}
        line |= getattr(record, "call", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class _Calls(logging.Formatter):
    """One JSON object for each call that `a4s serve` answered, also where the rest of the log is text."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = getattr(record, "call", {})
        return json.dumps({"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", **told})


class LogFormatter(logging.Formatter):
    """The format that is set, looked up once a line is written: most commands write none."""

    def format(self, record: logging.LogRecord) -> str:
        chosen = _JsonLines() if is_json() else logging.Formatter("%(levelname)s %(message)s")
        return chosen.format(record)


def is_json() -> bool:
    """Tell whether the log is JSON."""
    # `a4s --help` has nothing to log, and does not pay for the settings.
    from a4s_pipeline.settings.loading import log_format  # noqa: PLC0415

    return log_format() == "json"


def begin() -> None:
    """Have warnings and errors written to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def log_calls() -> None:
    """Have each call that is answered over HTTP written to standard error as well."""
    access = logging.getLogger(ACCESS)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if is_json() else _Calls())
    access.addHandler(handler)
    access.setLevel(logging.INFO)
    access.propagate = False


def tell(line: str) -> None:
    """Log what is no warning, and is to be told all the same."""
    _log.setLevel(logging.INFO)
    _log.info("%s", line)


def tell_error(code: str, message: str) -> None:
    """Log what a command ends with instead of what was asked for."""
    _log.error("%s", message, extra={"code": code})
