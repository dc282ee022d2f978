import signal
import subprocess
import sys
import threading
import time

import pytest
import requests

from a4s_sandbox import Sandbox, World, generated_world


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_its_url_serves_and_ends_when_asked(asked: signal.Signals) -> None:
    command = [sys.executable, "-m", "a4s_sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            reply = requests.get(f"{url}/Demo%20B.V./status", timeout=5)
            assert reply.json()["focusConnector"] == {"configured": True, "name": "Exact Globe"}
            process.send_signal(asked)
            assert process.wait(timeout=5) == 0
        finally:
            process.kill()


def test_a_taken_port_is_reported_in_one_line() -> None:
    with Sandbox(World()) as sandbox:
        port = sandbox.url.rpartition(":")[2]
        command = [sys.executable, "-m", "a4s_sandbox", "--port", port, "--orders", "1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert done.stderr == f"port {port} cannot be served: Address already in use\n"


def test_a_closed_sandbox_leaves_no_thread_and_no_open_port() -> None:
    before = set(threading.enumerate())
    with requests.Session() as session:
        with Sandbox(World()) as sandbox:
            url = sandbox.url
            assert session.get(f"{url}/x/status", timeout=5).status_code == 404
        with pytest.raises(requests.ConnectionError):
            session.get(f"{url}/x/status", timeout=5)
    assert set(threading.enumerate()) <= before
    with pytest.raises(RuntimeError):
        _ = sandbox.url


def test_a_sandbox_can_be_started_again() -> None:
    sandbox = Sandbox(World())
    for _ in range(2):
        with sandbox:
            assert requests.get(f"{sandbox.url}/x/status", timeout=5).status_code == 404
    sandbox.close()


def test_a_page_of_a_long_history_costs_about_a_millisecond() -> None:
    world = generated_world(20_000)
    with Sandbox(world) as sandbox, requests.Session() as session:
        params = {"orderDateFrom": "2018-01-01T00:00:00+01:00", "page": "30", "pageSize": "300"}
        spent = []
        for _ in range(20):
            began = time.perf_counter()
            reply = session.get(f"{sandbox.url}/Demo%20B.V./orders", params=params, timeout=5)
            spent.append(time.perf_counter() - began)
        assert len(reply.json()["items"]) == 300
        # The best of twenty, with room for a machine that is busy with other tests.
        assert min(spent) < 0.02
