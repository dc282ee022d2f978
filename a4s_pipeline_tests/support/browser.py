"""A headless browser, controlled by the WebDriver standard."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

LONGEST = 300.0
_AGAIN_AFTER = 15.0
_FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--window-size=1500,1000"]


class Browser:
    """One page that can be read and clicked."""

    def __init__(self, session: requests.Session, url: str) -> None:
        self._session = session
        self._url = url

    @classmethod
    @contextmanager
    def opened(cls, profile: Path) -> Iterator[Browser]:
        """Start chromedriver and its browser; both end with the block."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with requests.Session() as session, subprocess.Popen(["chromedriver", f"--port={port}"]) as driver:
            session.trust_env = False
            url = None
            try:
                url = _begun(session, f"http://127.0.0.1:{port}", profile)
                yield cls(session, url)
            finally:
                if url is not None:
                    with suppress(requests.RequestException):
                        # A driver that ends leaves its browsers alone.
                        session.delete(url, timeout=30)
                driver.terminate()
                driver.wait(timeout=30)

    def go(self, url: str) -> None:
        """Open a page."""
        self._post("/url", url=url)

    @property
    def text(self) -> str:
        """The visible text of the page."""
        return str(self._post("/execute/sync", script="return document.body.innerText", args=[]))

    @property
    def path(self) -> str:
        """The address of the page."""
        return str(self._post("/execute/sync", script="return location.pathname", args=[]))

    def click(self, words: str, what: str, is_so: Callable[[], bool]) -> None:
        """Click a button until the page is as expected: one that is not ready ignores clicks."""
        clicked_at = -_AGAIN_AFTER

        def clicked() -> bool:
            nonlocal clicked_at
            if is_so():
                return True
            if time.monotonic() - clicked_at >= _AGAIN_AFTER:
                found = self._post("/elements", using="xpath", value=f"//button[contains(., {words!r})]")
                for element in found[:1]:
                    with suppress(AssertionError):
                        self._post(f"/element/{next(iter(element.values()))}/click")
                        clicked_at = time.monotonic()
            return False

        self.wait_until(what, clicked)

    def wait_until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Wait until the page is as expected."""
        deadline = time.monotonic() + LONGEST
        while not is_so():
            if time.monotonic() > deadline:
                pytest.fail(f"not {what} after {LONGEST:g} s; the page shows:\n{self.text[-3000:]}")
            time.sleep(0.2)

    def _post(self, path: str, **body: Any) -> Any:
        answer = self._session.post(f"{self._url}{path}", json=body, timeout=LONGEST)
        assert answer.ok, answer.text
        return answer.json()["value"]


def _begun(session: requests.Session, driver: str, profile: Path) -> str:
    options = {"args": [*_FLAGS, f"--user-data-dir={profile}"]}
    wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
    deadline = time.monotonic() + LONGEST
    while True:
        try:
            answer = session.post(f"{driver}/session", json=wanted, timeout=LONGEST)
        except requests.ConnectionError:
            assert time.monotonic() < deadline, "chromedriver does not come up"
            time.sleep(0.1)
        else:
            assert answer.ok, answer.text
            return f"{driver}/session/{answer.json()['value']['sessionId']}"
