"""Dagster's GraphQL API: launches runs, reports on them, and stops schedules."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import requests

from cluster.processes import ClusterError

ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
TASK_TAG = "dagster-celery/task_id"
_POLL = 0.5

_LAUNCH = """
mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on Error { message }
  ... on RunConfigValidationInvalid { errors { message } }
} }
"""
_RUNS = """
query ($ids: [String!]) { runsOrError(filter: {runIds: $ids}, limit: 1000) {
  ... on Runs { results {
    runId jobName status creationTime startTime endTime tags { key value }
  } }
  ... on Error { message }
} }
"""
_FAILURE = """
query ($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  ... on RunFailureEvent { message error { message } }
  ... on ExecutionStepFailureEvent { failureMetadata { description } error { message cause { message } } }
} } } }
"""
_TERMINATE = """
mutation ($id: String!) { terminateRun(runId: $id) { __typename ... on Error { message } } }
"""
_STANDING = """
{ repositoriesOrError { ... on RepositoryConnection { nodes {
  schedules { id name } sensors { id name }
} } } }
"""
_STOP_SCHEDULE = """
mutation ($id: String!) { stopRunningSchedule(id: $id) { __typename ... on Error { message } } }
"""
_STOP_SENSOR = """
mutation ($id: String!) { stopSensor(id: $id) { __typename ... on Error { message } } }
"""


@dataclass(frozen=True)
class Launch:
    """A run to launch."""

    job: str
    tags: Mapping[str, str]
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """A run as Dagster reports it; instants are seconds since 1970."""

    run_id: str
    job: str
    status: str
    tags: Mapping[str, str]
    created_at: float
    started_at: float | None
    ended_at: float | None

    @property
    def seconds_to_start(self) -> float:
        """From the launch to the first step, including the queue and the wait for a worker."""
        return (self.started_at or time.time()) - self.created_at

    @property
    def seconds(self) -> float:
        """From its start to its end."""
        return (self.ended_at or time.time()) - (self.started_at or time.time())


class DagsterApi:
    """The API of one webserver and its one code location."""

    def __init__(self, url: str, location: str) -> None:
        self._url = f"{url}/graphql"
        self._selector = {"repositoryLocationName": location, "repositoryName": "__repository__"}
        self._session = requests.Session()
        # A proxy of the caller's knows no loopback interface.
        self._session.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def launch(self, launch: Launch) -> str:
        """Put a run into Dagster's queue, and return its id."""
        params = {
            "selector": {**self._selector, "jobName": launch.job},
            "mode": "default",
            "runConfigData": launch.config,
            "executionMetadata": {
                "tags": [{"key": key, "value": value} for key, value in launch.tags.items()]
            },
        }
        answer = self._ask(_LAUNCH, {"params": params})["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise ClusterError(f"Dagster does not launch {launch.job}: {answer}")
        run_id: str = answer["run"]["runId"]
        return run_id

    def runs(self, run_ids: Collection[str]) -> list[Run]:
        """Return the current state of these runs."""
        answer = self._ask(_RUNS, {"ids": list(run_ids)})["runsOrError"]
        if "results" not in answer:
            raise ClusterError(f"Dagster does not tell of its runs: {answer['message']}")
        return [
            Run(
                run_id=run["runId"],
                job=run["jobName"],
                status=run["status"],
                tags={tag["key"]: tag["value"] for tag in run["tags"]},
                created_at=run["creationTime"],
                started_at=run["startTime"],
                ended_at=run["endTime"],
            )
            for run in answer["results"]
        ]

    def wait(
        self,
        run_ids: Collection[str],
        seconds: float,
        *,
        statuses: Collection[str] = ENDED,
        meanwhile: Callable[[list[Run]], object] = lambda _runs: None,
    ) -> list[Run]:
        """Wait until each run has one of the statuses; `meanwhile` receives them at each look."""
        deadline = time.monotonic() + seconds
        while True:
            runs = self.runs(run_ids)
            meanwhile(runs)
            late = [run for run in runs if run.status not in statuses]
            if not late:
                return runs
            if time.monotonic() >= deadline:
                told = ", ".join(f"{run.job} {run.run_id} ({run.status})" for run in late)
                raise ClusterError(f"not done within {seconds:g} s: {told}")
            time.sleep(_POLL)

    def why_it_failed(self, run_id: str) -> str:
        """Return what a run's log says about its failure."""
        said = []
        for event in self._ask(_FAILURE, {"id": run_id})["logsForRun"].get("events", []):
            metadata, error = event.get("failureMetadata") or {}, event.get("error") or {}
            cause = error.get("cause") or {}
            words = (
                metadata.get("description"),
                cause.get("message"),
                error.get("message"),
                event.get("message"),
            )
            said += [next(word.strip() for word in words if word)] if any(words) else []
        return said[0] if said else "it left no message"

    def terminate(self, run_id: str) -> None:
        """Ask Dagster to stop a run."""
        self._ask(_TERMINATE, {"id": run_id})

    def stop_schedules(self) -> None:
        """Stop every schedule permanently: they run by default."""
        for schedule in self._standing("schedules"):
            self._ask(_STOP_SCHEDULE, {"id": schedule})

    def stop_sensors(self) -> None:
        """Stop every sensor permanently: they run by default."""
        for sensor in self._standing("sensors"):
            self._ask(_STOP_SENSOR, {"id": sensor})

    def _standing(self, kind: str) -> list[str]:
        nodes = self._ask(_STANDING, {})["repositoriesOrError"]["nodes"]
        return [one["id"] for node in nodes for one in node[kind]]

    def _ask(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        reply = self._session.post(self._url, json={"query": query, "variables": variables}, timeout=120)
        document = reply.json()
        if "errors" in document:
            raise ClusterError(f"Dagster's API refused: {str(document['errors'])[:500]}")
        answer: dict[str, Any] = document["data"]
        return answer
