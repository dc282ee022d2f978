"""The sensor that reports failed runs and checks that turned, in the log, a file and a webhook."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
from pydantic import BaseModel, ValidationError

from a4s_pipeline.alerts import FailureLog, post_alert
from a4s_pipeline.gateway.wire.network import Network
from a4s_pipeline.orchestration.alerts.failures import SUMMARY, FailedRun, failed_run, summary_of
from a4s_pipeline.orchestration.alerts.incidents import (
    OUTAGE,
    Failed,
    State,
    after_check,
    after_failure,
    after_recovery,
    incident_of,
)
from a4s_pipeline.orchestration.alerts.messages import Alert, CheckTurned, of_check, of_recovery, of_run
from a4s_pipeline.orchestration.automation.jobs import CONNECTOR_TAG, IMPORT_TAGS
from a4s_pipeline.platform import Platform

OLDEST_TOLD = timedelta(days=1)
_MOST_AT_ONCE = 200
_SECOND = timedelta(seconds=1)


class AlertCursor(BaseModel):
    """How far the sensor has looked, and what it has reported."""

    runs_since: datetime
    seen: list[str] = []
    state: State = State()


@dg.sensor(
    name="alerts",
    description="Reports each failed run and each check that turns red or green, once: in the log, in "
    "failures.log in A4S_DATA_DIR, and to A4S_ALERT_WEBHOOK_URL if it is set. A failure that "
    "goes on is reported once a day with a count, and once more when it is over.",
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def alerts(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult:
    """Looks at the runs and checks since the last tick; the first tick reports nothing from before it."""
    now = datetime.now(UTC)
    cursor = _read(context.cursor) or AlertCursor(runs_since=now)
    told = 0
    # The cursor moves at the end of a tick. If a tick dies, the next one sees the same again, and
    # failures.log shows what was reported.
    for alert in _alerts(context.instance, platform, cursor, now):
        _tell(context, platform, alert)
        told += 1
    skipped = dg.SkipReason("nothing failed and no check turned" if not told else f"{told} told")
    return dg.SensorResult(skip_reason=skipped, cursor=cursor.model_dump_json())


def _read(text: str | None) -> AlertCursor | None:
    try:
        return AlertCursor.model_validate_json(text) if text else None
    except ValidationError:
        return None


def _alerts(
    instance: dg.DagsterInstance, platform: Platform, cursor: AlertCursor, now: datetime
) -> Iterator[Alert | str]:
    old = 0
    for record in _ended(instance, cursor):
        run_id = record.dagster_run.run_id
        cursor.seen = [*cursor.seen, run_id][-_MOST_AT_ONCE:]
        cursor.runs_since = max(cursor.runs_since, _updated_at(record))
        if record.dagster_run.status is dg.DagsterRunStatus.FAILURE:
            run = failed_run(instance, record)
            if now - run.failed_at > OLDEST_TOLD:
                old += 1
                continue
            yield from _of_failure(run, platform, cursor, now)
        yield from _of_checks(instance, run_id, platform, cursor)
    if old:
        yield summary_of(old, now, platform.settings.timezone)
    yield from _of_recoveries(instance, platform, cursor, now)


def _ended(instance: dg.DagsterInstance, cursor: AlertCursor) -> list[dg.RunRecord]:
    """Return the runs that ended since the last tick, in order."""
    since = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS],
        # From a second earlier, because the store rounds.
        updated_after=cursor.runs_since - _SECOND,
    )
    records = instance.get_run_records(
        since, limit=_MOST_AT_ONCE, order_by="update_timestamp", ascending=True
    )
    return [record for record in records if record.dagster_run.run_id not in cursor.seen]


def _updated_at(record: dg.RunRecord) -> datetime:
    # SQLite returns it without an offset: it is in UTC.
    at = record.update_timestamp
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _of_failure(run: FailedRun, platform: Platform, cursor: AlertCursor, now: datetime) -> Iterator[Alert]:
    failed = _as_failed(run)
    cursor.state, kind = after_failure(cursor.state, failed, now)
    if kind is not None:
        incident = cursor.state.incidents.get(failed.key) or incident_of(failed, now)
        yield of_run(run, kind, incident, platform.settings.timezone, platform.settings.dagster_url)


def _as_failed(run: FailedRun) -> Failed:
    return Failed(
        job=run.job,
        connector=run.connector,
        why=run.reason,
        at=run.failed_at,
        is_outage=run.is_outage,
        is_by_hand=run.is_by_hand,
    )


def _of_recoveries(
    instance: dg.DagsterInstance, platform: Platform, cursor: AlertCursor, now: datetime
) -> Iterator[Alert]:
    over = [
        key
        for key, incident in cursor.state.incidents.items()
        if _went_well(instance, key, incident.job, incident.connector, incident.last)
    ]
    cursor.state, ended = after_recovery(cursor.state, over)
    for key, incident in ended.items():
        yield of_recovery(key, incident, now, platform.settings.timezone)


def _went_well(instance: dg.DagsterInstance, key: str, job: str, connector: str, last: datetime) -> bool:
    """Tell whether the same has succeeded since: after an outage, any import."""
    tags = IMPORT_TAGS if key == OUTAGE else {CONNECTOR_TAG: connector} if connector else {}
    wanted = dg.RunsFilter(
        job_name=None if key == OUTAGE else job,
        statuses=[dg.DagsterRunStatus.SUCCESS],
        tags=tags,
        updated_after=last,
    )
    return bool(instance.get_run_records(wanted, limit=1))


def _of_checks(
    instance: dg.DagsterInstance, run_id: str, platform: Platform, cursor: AlertCursor
) -> Iterator[Alert]:
    zone, site = platform.settings.timezone, platform.settings.dagster_url
    kind_of_event = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    for record in instance.get_records_for_run(run_id, of_type=kind_of_event).records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        found = event.asset_check_evaluation_data
        asset = found.asset_key.to_user_string()
        cursor.state, kind = after_check(cursor.state, f"{asset}:{found.check_name}", passed=found.passed)
        if kind is not None:
            at = datetime.fromtimestamp(record.event_log_entry.timestamp, UTC)
            turned = CheckTurned(kind, asset, found.check_name, found.description or "", at)
            yield of_check(turned, zone, site)


def _tell(context: dg.SensorEvaluationContext, platform: Platform, alert: Alert | str) -> None:
    settings = platform.settings
    log = FailureLog(settings.data_dir.absolute() / "failures.log")
    recent = log.recent()
    line = alert if isinstance(alert, str) else alert.line
    # After a tick that died, the same events come again.
    if line in recent or (SUMMARY in line and recent and SUMMARY in recent[-1]):
        return
    context.log.error(line)
    try:
        log.add(line)
    except OSError as error:
        context.log.error(f"failures.log cannot be written ({error.strerror}): check the data folder")
    if isinstance(alert, str) or settings.alert_webhook_url is None:
        return
    why = post_alert(
        settings.alert_webhook_url, alert.document(), Network.of(settings), settings.alert_webhook_secret
    )
    if why is not None:
        what = f"run {alert.parts['runId']}" if alert.parts.get("runId") else f"{alert.line[17:60]}…"
        context.log.error(
            f"A4S_ALERT_WEBHOOK_URL did not get the alert of {what}: {why}; it is not sent again"
        )
