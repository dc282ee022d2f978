"""Dagster's own processes: code server, webserver, daemon, and the Celery workers that execute runs."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import yaml

from cluster.home import DEPLOY, Home
from cluster.processes import Child, ClusterError, free_port, listens

LOCATION = "a4s"
MODULE = "a4s_pipeline.definitions"
DEFAULT_QUEUE = "dagster"
_BIN = Path(sys.executable).parent
_RECEIVED = re.compile(r"Task execute_job\[([0-9a-f-]+)\] received")


class Dagster:
    """The processes of one cluster, each with its log; `start_daemon` comes last, as it starts runs."""

    def __init__(self, home: Home, *, slots: int = 1) -> None:
        self.home = home
        self.webserver_port = free_port()
        self.children: list[Child] = []
        self.workers: dict[str, Child] = {}
        self._slots = slots
        self._code_port = free_port()

    @property
    def url(self) -> str:
        """The address of the webserver."""
        return f"http://127.0.0.1:{self.webserver_port}"

    def start_code_server(self) -> None:
        """Serve our definitions to the webserver and the daemon."""
        code = [
            "dagster",
            "api",
            "grpc",
            "--module-name",
            MODULE,
            "--host",
            "127.0.0.1",
            "--port",
            str(self._code_port),
        ]
        code += ["--location-name", LOCATION, "--inject-env-vars-from-instance"]
        server = self._start("code-server", *code)
        # One process has the definitions loaded for all others.
        workspace = {
            "load_from": [
                {"grpc_server": {"host": "127.0.0.1", "port": self._code_port, "location_name": LOCATION}}
            ]
        }
        (self.home.dagster_home / "workspace.yaml").write_text(yaml.safe_dump(workspace), encoding="utf-8")
        server.wait_until(lambda: listens(self._code_port))

    def start_webserver(self) -> None:
        """Serve Dagster's UI and its API."""
        webserver = self._start(
            "webserver", "dagster-webserver", "-h", "127.0.0.1", "-p", str(self.webserver_port)
        )
        webserver.wait_until(lambda: listens(self.webserver_port))

    def start_daemon(self) -> None:
        """Start what takes runs from the queue and evaluates schedules and sensors."""
        self._start("daemon", "dagster-daemon", "run")

    def start_worker(self, name: str, queue: str = DEFAULT_QUEUE) -> None:
        """Start a worker that executes a queue's runs, as many at once as it has slots."""
        options = {"--queues": queue, "--concurrency": str(self._slots), "--hostname": f"{name}@cluster"}
        words = [word for option in options.items() for word in option]
        self.workers[name] = self._start(
            name, "sh", str(DEPLOY / "worker.sh"), str(DEPLOY / "celery.yaml"), *words
        )

    def wait_for_workers(self) -> None:
        """Wait until every worker takes runs."""
        for worker in self.workers.values():
            worker.wait_until(partial(_is_ready, worker))

    def kill_worker(self, name: str) -> None:
        """Kill a worker and everything it executes at once, as a power cut would."""
        worker = self.workers.pop(name)
        self.children.remove(worker)
        worker.kill()

    def kill_runs_of(self, name: str) -> None:
        """Kill the processes in which a worker executes runs, but not the worker."""
        for pid in self.workers[name].children():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def worker_of(self, task_id: str) -> str | None:
        """Return which worker took a Celery task, from their logs."""
        for log in self.home.logs.glob("worker-*.log"):
            if task_id in _RECEIVED.findall(log.read_text(encoding="utf-8", errors="replace")):
                return log.stem
        return None

    def assert_alive(self) -> None:
        """Raise if one of the processes has ended, with the end of its log."""
        for child in self.children:
            child.assert_alive()

    def stop(self) -> None:
        """Stop them all, first those that start runs; runs under way get some time to end."""
        for child in reversed(self.children):
            child.ask_to_stop(signal.SIGTERM)
        for child in reversed(self.children):
            child.stop()

    def _start(self, name: str, *command: str) -> Child:
        # Programs of the environment that we run in, whether or not it is activated.
        environment = {**self.home.environment, "PATH": f"{_BIN}:{self.home.environment['PATH']}"}
        child = Child(
            name,
            command,
            self.home.logs / f"{name}.log",
            environment=environment,
            folder=self.home.dagster_home,
        )
        self.children.append(child)
        return child


def _is_ready(worker: Child) -> bool:
    return " ready." in worker.said()


@contextmanager
def dagster(home: Home, workers: Mapping[str, str], *, slots: int = 1) -> Iterator[Dagster]:
    """Start everything but the daemon, and stop it afterwards; `workers` lists each worker's queues."""
    if not (_BIN / "celery").exists():
        raise ClusterError(f"{_BIN / 'celery'} is missing: `make cluster` and `make test-cluster` install it")
    processes = Dagster(home, slots=slots)
    with ExitStack() as stack:
        stack.callback(processes.stop)
        # The first to come makes Dagster's tables; several at once would be in each other's way.
        processes.start_code_server()
        for name, queue in workers.items():
            processes.start_worker(name, queue)
        processes.start_webserver()
        processes.wait_for_workers()
        yield processes
