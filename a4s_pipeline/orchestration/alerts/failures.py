"""Tells each failed run in one readable line: in the log, in `failures.log`, and to a webhook."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from a4s_pipeline.alerts import FailureLog, post_alert
from a4s_pipeline.gateway.wire.network import Network
from a4s_pipeline.orchestration.alerts.failing import reason_of
from a4s_pipeline.orchestration.assets.partitions import PARTITION, RANGE_END, RANGE_START
from a4s_pipeline.orchestration.automation.jobs import CONNECTOR_TAG
from a4s_pipeline.orchestration.automation.on_demand import JOB as ON_DEMAND
from a4s_pipeline.platform import Platform
from a4s_pipeline.texts import one_line

OLDEST_TOLD = timedelta(days=1)
LONGEST_REASON = 300
_SUMMARY = "runs failed more than a day before this was looked at"
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
_SCHEDULE = "dagster/schedule_name"
_BACKFILL = "dagster/backfill"


@dataclass(frozen=True)
class FailedRun:
    """What there is to tell of a failed run; `why` as the run left it, None where it left nothing."""

    job: str
    run_id: str
    failed_at: datetime
    tags: dict[str, str]
    why: str | None

    @property
    def subject(self) -> str:
        """The connectors that the run was about, and their months where it names any."""
        tags = self.tags
        if PARTITION in tags:
            return tags[PARTITION].replace("|", " ")
        if RANGE_START not in tags or RANGE_END not in tags:
            return tags.get(CONNECTOR_TAG, "")
        first, last = (tags[tag].split("|") for tag in (RANGE_START, RANGE_END))
        connectors = first[0] if first[0] == last[0] else f"{first[0]} to {last[0]}"
        if len(first) == 1 or len(last) == 1:
            return connectors
        months = first[1] if first[1] == last[1] else f"{first[1]} to {last[1]}"
        return f"{connectors} {months}"

    @property
    def reason(self) -> str:
        """Why it failed, in a line."""
        return one_line(self.why or "it left no word", LONGEST_REASON)

    def line(self, zone: ZoneInfo) -> str:
        """Return the line: when, what, why, what to do, and under which id Dagster shows it."""
        who = f"{self.job} {self.subject}".strip()
        reason = self.reason.rstrip(".")
        return f"{_minute(self.failed_at, zone)} {who} failed: {reason}. {self._advice()} (run {self.run_id})"

    def _advice(self) -> str:
        if self.job == ON_DEMAND:
            return "Requests are safe in the inbox and the ledger; the next run goes on with them."
        if _SCHEDULE in self.tags:
            return "Nothing is lost: the schedule tries again."
        if _BACKFILL in self.tags or RANGE_START in self.tags or PARTITION in self.tags:
            return "Nobody tries these again by itself: mend it, then launch the same again in Dagster."
        return "Mend it, then launch it again in Dagster."


def document_of(run: FailedRun, line: str) -> dict[str, str | None]:
    """Return what a webhook is told; chat services show `text` and leave the rest."""
    return {
        "text": line.translate(_NO_MARKUP),
        "job": run.job,
        "connector": run.tags.get(CONNECTOR_TAG) or run.subject.split(" ")[0] or None,
        "runId": run.run_id,
        "why": run.reason,
        "failedAt": run.failed_at.astimezone(UTC).isoformat(timespec="seconds"),
    }


def summary_of(count: int, now: datetime, zone: ZoneInfo) -> str:
    """Return the one line that stands for failures too old to be told one by one."""
    return f"{_minute(now, zone)} {count} {_SUMMARY}: see Runs in Dagster, status Failure"


def _minute(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M")


@dg.run_failure_sensor(
    name="run_failures",
    description="Tells each failed run in a line: in the log, in failures.log in A4S_DATA_DIR, and to "
    "A4S_ALERT_WEBHOOK_URL where it is set.",
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def run_failures(context: dg.RunFailureSensorContext, platform: dg.ResourceParam[Platform]) -> None:
    """Tells one failed run; what is told already, or is older than a day, is not told again."""
    settings = platform.settings
    log = FailureLog(settings.data_dir.absolute() / "failures.log")
    run, now = _failed_run(context), datetime.now(UTC)
    recent = log.recent()
    # A sensor that dies on its way is shown the same runs again.
    if any(f"(run {run.run_id})" in line for line in recent):
        return
    if now - run.failed_at > OLDEST_TOLD:
        # They come oldest first and all in a row: the first speaks for all.
        if not recent or _SUMMARY not in recent[-1]:
            count = _count_failed(context.instance, run.failed_at, now - OLDEST_TOLD)
            _write(context, log, summary_of(count, now, settings.timezone))
        return
    line = run.line(settings.timezone)
    _write(context, log, line)
    if settings.alert_webhook_url is not None:
        why = post_alert(settings.alert_webhook_url, document_of(run, line), Network.of(settings))
        if why is not None:
            context.log.error(
                f"A4S_ALERT_WEBHOOK_URL was not told of run {run.run_id}: {why}; it is not told again"
            )


def _failed_run(context: dg.RunFailureSensorContext) -> FailedRun:
    run = context.dagster_run
    record = context.instance.get_run_record_by_id(run.run_id)
    ended_at = record.end_time if record is not None and record.end_time else None
    return FailedRun(
        run.job_name,
        run.run_id,
        datetime.fromtimestamp(ended_at, UTC) if ended_at else datetime.now(UTC),
        dict(run.tags),
        reason_of(context.get_step_failure_events(), context.failure_event),
    )


def _count_failed(instance: dg.DagsterInstance, first: datetime, last: datetime) -> int:
    # To the second before, because the store rounds.
    since = first - timedelta(seconds=1)
    failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since, updated_before=last)
    return max(1, instance.get_runs_count(failed))


def _write(context: dg.RunFailureSensorContext, log: FailureLog, line: str) -> None:
    context.log.error(line)
    try:
        log.add(line)
    except OSError as error:
        context.log.error(f"failures.log cannot be written ({error.strerror}): check the data folder")
