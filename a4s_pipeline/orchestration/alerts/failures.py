"""A failed run in one readable line: when, what, why, and what to do."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from a4s_pipeline.files.texts import one_line
from a4s_pipeline.orchestration.automation.jobs import CONNECTOR_TAG
from a4s_pipeline.orchestration.automation.on_demand import JOB as ON_DEMAND
from a4s_pipeline.orchestration.failing import is_outage, reason_of
from a4s_pipeline.orchestration.partitions import PARTITION, RANGE_END, RANGE_START

LONGEST_REASON = 300
SUMMARY = "runs failed more than a day before this was looked at"
_SCHEDULE = "dagster/schedule_name"
_BACKFILL = "dagster/backfill"


@dataclass(frozen=True)
class FailedRun:
    """What a report on a failed run needs; `why` as the run left it, or None."""

    job: str
    run_id: str
    failed_at: datetime
    tags: dict[str, str]
    why: str | None
    is_outage: bool = False

    @property
    def connector(self) -> str:
        """The connector of the run, if there is one."""
        return self.tags.get(CONNECTOR_TAG) or self.subject.split(" ")[0]

    @property
    def is_by_hand(self) -> bool:
        """Whether somebody named its months or connectors, which no schedule does."""
        named = (PARTITION, RANGE_START)
        return CONNECTOR_TAG not in self.tags and any(tag in self.tags for tag in named)

    @property
    def subject(self) -> str:
        """The connectors of the run, and their months if it names any."""
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
        return one_line(self.why or "it left no message", LONGEST_REASON)

    def line(self, zone: ZoneInfo) -> str:
        """Return the line: when, what, why, what to do, and its run id in Dagster."""
        who = f"{self.job} {self.subject}".strip()
        reason = self.reason.rstrip(".")
        return f"{_minute(self.failed_at, zone)} {who} failed: {reason}. {self._advice()} (run {self.run_id})"

    def _advice(self) -> str:
        if self.job == ON_DEMAND:
            return "Requests are safe in the inbox and the ledger; the next run continues with them."
        if _SCHEDULE in self.tags:
            return "Nothing is lost: the schedule tries again."
        if _BACKFILL in self.tags or RANGE_START in self.tags or PARTITION in self.tags:
            return (
                "This is not retried automatically: fix the cause, then launch the same run again in Dagster."
            )
        return "Fix the cause, then launch the run again in Dagster."


def summary_of(count: int, now: datetime, zone: ZoneInfo) -> str:
    """Return one line for all failures that are too old to report one by one."""
    return f"{_minute(now, zone)} {count} {SUMMARY}: see Runs in Dagster, status Failure"


def _minute(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def failed_run(instance: dg.DagsterInstance, record: dg.RunRecord) -> FailedRun:
    """Return what a failed run left behind."""
    run = record.dagster_run
    steps = _events(instance, run.run_id, dg.DagsterEventType.STEP_FAILURE)
    ends = _events(instance, run.run_id, dg.DagsterEventType.RUN_FAILURE)
    ended_at = record.end_time or record.update_timestamp.timestamp()
    return FailedRun(
        run.job_name,
        run.run_id,
        datetime.fromtimestamp(ended_at, UTC),
        dict(run.tags),
        reason_of(steps, ends[-1]) if ends else None,
        is_outage=bool(steps) and all(is_outage(step) for step in steps),
    )


def _events(instance: dg.DagsterInstance, run_id: str, kind: dg.DagsterEventType) -> list[dg.DagsterEvent]:
    records = instance.get_records_for_run(run_id, of_type=kind).records
    events = (record.event_log_entry.dagster_event for record in records)
    return [event for event in events if event is not None]
