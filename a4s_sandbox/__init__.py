"""An embedded gateway with invented data, latency and faults, for the demo and the tests."""

from a4s_sandbox.data.big import generated_world
from a4s_sandbox.data.demo import DEMO_CONNECTORS, demo_world
from a4s_sandbox.faults import Faults
from a4s_sandbox.gateway import Request
from a4s_sandbox.serving.command import serve
from a4s_sandbox.serving.server import Sandbox
from a4s_sandbox.world import Administration, BookedOrder, World

__all__ = [
    "DEMO_CONNECTORS",
    "Administration",
    "BookedOrder",
    "Faults",
    "Request",
    "Sandbox",
    "World",
    "demo_world",
    "generated_world",
    "serve",
]
