"""What is tried with the containers: imports, answers, and failures over the years."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import requests

from a4s_pipeline.settings.loading import Settings
from cluster.containers.compose import API_KEY, SUPERUSER_PASSWORD, Compose, until
from cluster.dagster_api import DagsterApi
from cluster.imports import import_of_everything, import_of_orders
from cluster.processes import ClusterError
from cluster.workers import LOCATION

Say = Callable[[str], None]
_OURS = ("code", "webserver", "daemon", "worker", "on-demand-worker", "serve")
_LONGEST_IMPORT_SECONDS = 1200.0


class Walk:
    """A running project, and questions to it."""

    def __init__(self, up: Compose, api: DagsterApi, settings: Settings, orders: int, say: Say) -> None:
        self._up = up
        self._api = api
        self._settings = settings
        self._orders = orders
        self._say = say
        self._connectors = list(settings.connectors)
        self._answered: dict[str, Any] = {}

    def all_of_it(self) -> None:
        """Try everything, in a natural order."""
        steps = (
            self.containers_are_as_they_should_be,
            self.every_connector_comes_in,
            self.requests_are_answered,
            self.a_worker_that_crashes_and_one_that_is_cut_off_lose_nothing,
            self.a_database_that_restarts_is_waited_for,
            self.all_of_it_restarts,
        )
        for step in steps:
            began = datetime.now(UTC)
            step()
            self._say(f"{step.__name__.replace('_', ' ')} ({(datetime.now(UTC) - began).seconds} s)")

    def containers_are_as_they_should_be(self) -> None:
        """No container runs as root or knows the superuser's password, and logs are rotated."""
        for service in _OURS:
            for container in self._up.containers(service):
                user = self._up.inspected(container, "{{.Config.User}}")
                _hold(user.isdigit() and user != "0", f"{service} runs as user {user!r}")
                environment = self._up.inspected(container, "{{json .Config.Env}}")
                _hold(SUPERUSER_PASSWORD not in environment, f"{service} knows the superuser's password")
                log = self._up.inspected(container, "{{json .HostConfig.LogConfig.Config}}")
                _hold("max-size" in log, f"what {service} says is kept for ever")

    def every_connector_comes_in(self) -> None:
        """The workers import each connector's orders, customers and items completely."""
        # They run by default, and would import the same beside us.
        self._api.stop_schedules()
        self._assert_succeed([self._api.launch(launch) for launch in import_of_everything(self._settings)])
        self._assert_all_are_in()

    def requests_are_answered(self) -> None:
        """Over HTTP and by files; an order is booked once."""
        for connector in self._connectors:
            item = self._http("GET", f"{connector}/items/A00001/projected-stock?on=2030-01-01")
            _hold(
                item.status_code in (200, 404), f"stock of {connector}: {item.status_code} {item.text[:200]}"
            )
        sent = self._send("IO-1")
        _hold(sent.status_code == 201, f"an order: {sent.status_code} {sent.text[:300]}")
        self._answered = sent.json()
        self._assert_known()
        self._answer_by_files("walk-1")

    def a_worker_that_crashes_and_one_that_is_cut_off_lose_nothing(self) -> None:
        """Their runs end, the workers return by themselves, and the next runs import what is missing."""
        crashed, cut, *_ = self._up.containers("worker")
        ids = [self._api.launch(import_of_orders(name, self._settings)) for name in self._connectors[:8]]
        self._api.wait(ids[:1], 300, statuses={"STARTED", "SUCCESS", "FAILURE"})
        restarts = int(self._up.inspected(crashed, "{{.RestartCount}}"))
        self._up.end_processes(crashed)
        self._up.cut_off(cut)
        until(
            "a crashed worker is started again",
            lambda: int(self._up.inspected(crashed, "{{.RestartCount}}")) > restarts,
        )
        self._api.wait(ids, _LONGEST_IMPORT_SECONDS)
        self._up.reconnect(cut)
        # Until it has given up the connections that were cut, Redis may hand it a run that never begins.
        time.sleep(60)
        self._assert_succeed(
            [self._api.launch(import_of_orders(name, self._settings)) for name in self._connectors]
        )
        self._assert_all_are_in()

    def a_database_that_restarts_is_waited_for(self) -> None:
        """Answers and imports work again without help."""
        self._up("restart", "postgres")
        until("the store answers again", self._ready)
        until("Dagster answers again", lambda: self._api.runs([]) is not None)
        self._assert_known()
        self._assert_succeed(
            [self._api.launch(import_of_orders(name, self._settings)) for name in self._connectors[:4]]
        )

    def all_of_it_restarts(self) -> None:
        """Database, broker and all processes at once: what existed still exists, and work goes on."""
        self._up("restart", "--timeout", "20", "postgres", "redis", *_OURS)
        until("the store answers again", self._ready)
        until("Dagster answers again", lambda: self._api.runs([]) is not None)
        self._assert_known()
        self._answer_by_files("walk-2")
        self._assert_succeed(
            [self._api.launch(import_of_orders(name, self._settings)) for name in self._connectors[:4]]
        )
        self._assert_all_are_in()

    def _assert_succeed(self, ids: list[str]) -> None:
        for run in self._api.wait(ids, _LONGEST_IMPORT_SECONDS):
            if run.status != "SUCCESS":
                raise ClusterError(
                    f"{run.job} {run.run_id} {run.status}: {self._api.why_it_failed(run.run_id)}"
                )

    def _assert_all_are_in(self) -> None:
        for connector in self._connectors:
            total = self._http("GET", f"{connector}/orders?limit=1").json().get("total")
            _hold(total == self._orders, f"{connector} has {total} of {self._orders} orders")

    def _assert_known(self) -> None:
        again = self._send("IO-1")
        _hold(again.status_code == 200, f"the same order again: {again.status_code} {again.text[:300]}")
        same = {name: again.json()[name] for name in ("orderId", "externalId", "attempts")}
        _hold(same == {name: self._answered[name] for name in same}, f"it is another answer: {same}")

    def _answer_by_files(self, name: str) -> None:
        worker = self._up.containers("worker")[0]
        request = {"kind": "retrieve_orders", "connector": self._connectors[0], "limit": 1}
        put = f"cd /data/inbox && cat > {name}.tmp && mv {name}.tmp {name}.json"
        self._up.in_container(
            worker, "sh", "-c", f"mkdir -p /data/inbox && echo '{json.dumps(request)}' | ({put})"
        )
        until(
            "a request in the inbox is answered",
            lambda: '"ok"' in self._up.in_container(worker, "cat", f"/data/outbox/{name}.json"),
        )

    def _send(self, intake_order_id: str) -> requests.Response:
        order = {
            "intakeOrderId": intake_order_id,
            "customerCode": "K00001",
            "lines": [{"itemCode": "A00001", "quantity": 1}],
        }
        return self._http("POST", f"{self._connectors[0]}/orders", order)

    def _ready(self) -> bool:
        return requests.get(f"{self._up.api_url}/readyz", timeout=15).status_code == 200

    def _http(self, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        return requests.request(
            method,
            f"{self._up.api_url}/v1/connectors/{path}",
            json=body,
            headers={"Authorization": f"Bearer {API_KEY}"},
            timeout=60,
        )


def walk(up: Compose, settings: Settings, orders: int, say: Say) -> None:
    """Try everything; raises `ClusterError` with the first thing that is wrong."""
    with DagsterApi(up.ui_url, LOCATION) as api:
        Walk(up, api, settings, orders, say).all_of_it()


def _hold(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise ClusterError(otherwise)
