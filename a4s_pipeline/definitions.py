"""The code location that Dagster loads: the graph of `orchestration.graph`, with this process's settings."""

from a4s_pipeline.orchestration.graph import build_definitions
from a4s_pipeline.settings.loading import load_settings

defs = build_definitions(load_settings())
