import json
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from a4s_pipeline_tests.cli.conftest import Ended, foreign_environment
from a4s_sandbox import DEMO_CONNECTORS


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Serve the sandbox as users do; yields the process and the settings it printed."""
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("a4s")), "sandbox", *options],
        cwd=folder,
        env=foreign_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        settings = {}
        for text in (process.stdout.readline(), process.stdout.readline()):
            (word,) = shlex.split(text)[1:]
            assert text.startswith("export ")
            name, _, value = word.partition("=")
            settings[name] = value
        yield process, settings
    finally:
        process.kill()
        process.communicate()


def status(url: str, connector: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{url}/{quote(DEMO_CONNECTORS[connector], safe='')}/status", timeout=10)


def test_the_sandbox_prints_settings_that_lead_to_it_and_ends_when_asked(tmp_path: Path) -> None:
    with served(tmp_path, "--port", "0") as (process, settings):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", settings["A4S_GATEWAY_URL"])
        assert json.loads(settings["A4S_CONNECTORS"]) == DEMO_CONNECTORS
        for connector in DEMO_CONNECTORS:
            reply = status(settings["A4S_GATEWAY_URL"], connector)
            assert reply.json()["administration"] == DEMO_CONNECTORS[connector]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out, err) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_the_sandbox_answers_as_late_as_it_is_told_to(tmp_path: Path) -> None:
    with served(tmp_path, "--port", "0", "--latency-ms", "400") as (_, settings):
        started = time.monotonic()
        status(settings["A4S_GATEWAY_URL"], "demo")
        assert time.monotonic() - started >= 0.4


def test_a_port_that_is_taken_is_one_line(here: Callable[..., Ended]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = here("sandbox", "--port", str(port))
    assert done.status == 2
    (told,) = done.said()
    assert told.startswith(f"a4s: --port {port}: ")
    assert told.endswith("; choose another, or 0 for a free one")
    assert done.out == ""


@pytest.mark.parametrize(
    "options", [["--port", "65536"], ["--port", "-1"], ["--latency-ms", "-1"], ["--latency-ms", "fast"]]
)
def test_wrong_options_are_status_2(here: Callable[..., Ended], options: list[str]) -> None:
    done = here("sandbox", *options)
    assert done.status == 2
    assert done.said()[-1].startswith(f"Error: Invalid value for '{options[0]}'")
