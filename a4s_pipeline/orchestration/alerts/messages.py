"""Writes an alert: a line for people, and a document with stable fields for programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from a4s_pipeline.orchestration.alerts.failures import FailedRun
from a4s_pipeline.orchestration.alerts.incidents import OUTAGE, Incident, Kind

# Chat services read <!channel>, @here and [text](address), and a reason may quote the gateway.
_NO_MARKUP = str.maketrans(
    {
        "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
        ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
        "@": "\N{FULLWIDTH COMMERCIAL AT}",
        "[": "(",
        "]": ")",
    }
)

Document = dict[str, str | int | None]


@dataclass(frozen=True)
class Alert:
    """One alert: its line in the log file, and its parts for the webhook."""

    kind: Kind
    line: str
    parts: Document = field(default_factory=dict)
    url: str | None = None

    def document(self) -> Document:
        """Return the webhook's document; chat services show `text` and ignore the rest."""
        text = self.line.translate(_NO_MARKUP)
        empty: Document = dict.fromkeys(
            ("job", "connector", "runId", "asset", "check", "why", "count", "since", "failedAt")
        )
        told = f"{text} {self.url}" if self.url else text
        return {"text": told, "kind": self.kind.value, **empty, **self.parts, "url": self.url}


def of_run(run: FailedRun, kind: Kind, incident: Incident, zone: ZoneInfo, site: str | None) -> Alert:
    """Return the alert of a failed run: the first of its incident, or a reminder that it continues."""
    line = run.line(zone)
    if kind is Kind.STILL_FAILING:
        line = (
            f"{minute(run.failed_at, zone)} {_who(incident)} has failed {incident.count} times since "
            f"{minute(incident.since, zone)}: {run.reason.rstrip('.')}. (run {run.run_id})"
        )
    elif kind is Kind.OUTAGE:
        line += " All streams need the gateway: this is reported once, and again when it answers."
    return Alert(
        kind,
        line,
        {
            "job": run.job,
            "connector": run.connector or None,
            "runId": run.run_id,
            "why": run.reason,
            "count": incident.count,
            "since": _instant(incident.since),
            "failedAt": _instant(run.failed_at),
        },
        run_url(site, run.run_id),
    )


def of_recovery(key: str, incident: Incident, now: datetime, zone: ZoneInfo) -> Alert:
    """Return the last alert of an incident."""
    runs = "1 run" if incident.count == 1 else f"{incident.count} runs"
    since = minute(incident.since, zone)
    if key == OUTAGE:
        line = f"{minute(now, zone)} the gateway answers again: {runs} failed since {since}"
    else:
        line = f"{minute(now, zone)} {_who(incident)} succeeds again: {runs} failed since {since}"
    parts: Document = {
        "job": None if key == OUTAGE else incident.job,
        "connector": None if key == OUTAGE else incident.connector or None,
        "why": incident.why,
        "count": incident.count,
        "since": _instant(incident.since),
    }
    return Alert(Kind.OUTAGE_OVER if key == OUTAGE else Kind.RUN_RECOVERED, line, parts)


@dataclass(frozen=True)
class CheckTurned:
    """A check of an asset that turned red or green, and the sentence it says now."""

    kind: Kind
    asset: str
    check: str
    sentence: str
    at: datetime


def of_check(turned: CheckTurned, zone: ZoneInfo, site: str | None) -> Alert:
    """Return the alert of a check that turned red or green."""
    asset, check, sentence = turned.asset, turned.check, turned.sentence
    does = "is well again" if turned.kind is Kind.CHECK_PASSED else "warns"
    url = f"{site.rstrip('/')}/assets/{asset}?view=checks" if site else None
    line = f"{minute(turned.at, zone)} check {check} of {asset} {does}: {sentence}"
    return Alert(turned.kind, line, {"asset": asset, "check": check, "why": sentence}, url)


def run_url(site: str | None, run_id: str) -> str | None:
    """Return the URL of a run if A4S_DAGSTER_URL is set."""
    return f"{site.rstrip('/')}/runs/{run_id}" if site else None


def minute(instant: datetime, zone: ZoneInfo) -> str:
    """Return a local time to the minute."""
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds")


def _who(incident: Incident) -> str:
    return f"{incident.job} {incident.connector}".strip()
