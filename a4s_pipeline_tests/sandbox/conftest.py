from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests

from a4s_sandbox import Administration, Sandbox, World

ADMINISTRATION = "Demo B.V."
ORDERS = (ADMINISTRATION, "third-party", "orders")


class Client:
    """Calls one sandbox, with encoded path segments."""

    def __init__(self, sandbox: Sandbox, session: requests.Session) -> None:
        self.sandbox = sandbox
        self.session = session

    def get(self, *segments: str, **more: Any) -> requests.Response:
        return self.session.get(self.url(*segments), timeout=5, **more)

    def post(self, *segments: str, **more: Any) -> requests.Response:
        return self.session.post(self.url(*segments), timeout=5, **more)

    def codes(self, **params: Any) -> list[Any]:
        items = self.get(ADMINISTRATION, "orders", params=params).json()["items"]
        return [header.get("orderCode") for header in items]

    def url(self, *segments: str) -> str:
        return "/".join([self.sandbox.url, *(quote(segment, safe="") for segment in segments)])


def header(code: str, day: str = "2024-03-05T09:00:00", **more: Any) -> dict[str, Any]:
    return {"orderCode": code, "orderDate": day, "customerCode": "K1", **more}


def line(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"lineCode": str(number), "lineNumber": number, "itemCode": "A1", "quantity": 1, **more}


def intake(external_id: str = "IO-1", **more: Any) -> dict[str, Any]:
    lines = [{"itemCode": "A1", "quantity": 2, "price": 12.5}]
    return {"customerCode": "K1", "externalId": external_id, "shippingCosts": 0, "lines": lines, **more}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def administration(world: World) -> Administration:
    held = world.add_administration(ADMINISTRATION, focus_connector="Exact Globe")
    held.put_customer({"customerCode": "K1", "name": "Kwekerij Bos", "externalId": "ext-1"})
    return held


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    with Sandbox(world) as served:
        yield served


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.trust_env = False
        yield opened


@pytest.fixture
def client(administration: Administration, sandbox: Sandbox, session: requests.Session) -> Client:
    return Client(sandbox, session)


@pytest.fixture
def client_of(session: requests.Session) -> Callable[[Sandbox], Client]:
    return lambda sandbox: Client(sandbox, session)
