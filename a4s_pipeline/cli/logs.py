"""The log of a command on standard error, as text or as one JSON object per line (A4S_LOG_FORMAT)."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

ACCESS = "a4s_pipeline.access"
_FIELDS = ("connector", "run_id", "request_id", "code")

_log = logging.getLogger(__name__)


class _JsonLines(logging.Formatter):
    """One JSON object per line: time, level, logger, message, and the subject's fields, if known."""

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
    """One JSON object for each call answered by `a4s serve`, even if the rest of the log is text."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = getattr(record, "call", {})
        return json.dumps({"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", **told})


class LogFormatter(logging.Formatter):
    """The format in the settings, read when a line is written: most commands write none."""

    def format(self, record: logging.LogRecord) -> str:
        chosen = _JsonLines() if is_json() else logging.Formatter("%(levelname)s %(message)s")
        return chosen.format(record)


def is_json() -> bool:
    """Tell whether the log is JSON."""
    # `a4s --help` logs nothing, and does not load the settings.
    from a4s_pipeline.settings.loading import log_format  # noqa: PLC0415

    return log_format() == "json"


def begin() -> None:
    """Write warnings and errors to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def log_calls() -> None:
    """Write each call answered over HTTP to standard error too."""
    access = logging.getLogger(ACCESS)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if is_json() else _Calls())
    access.addHandler(handler)
    access.setLevel(logging.INFO)
    access.propagate = False


def tell(line: str) -> None:
    """Log something that is not a warning but must be shown."""
    _log.setLevel(logging.INFO)
    _log.info("%s", line)


def tell_error(code: str, message: str) -> None:
    """Log the error that a command ends with."""
    _log.error("%s", message, extra={"code": code})
