"""An embedded gateway with invented data, latency and faults, for the demo and the tests."""

from a4s_pipeline.sandbox.big import generated_world
from a4s_pipeline.sandbox.demo import DEMO_CONNECTORS, demo_world
from a4s_pipeline.sandbox.faults import Faults
from a4s_pipeline.sandbox.gateway import Request
from a4s_pipeline.sandbox.server import Sandbox
from a4s_pipeline.sandbox.serving import serve
from a4s_pipeline.sandbox.world import Administration, BookedOrder, World

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
