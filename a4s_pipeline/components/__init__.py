"""The connector as a component for an existing Dagster project, described in its `defs.yaml`."""

from a4s_pipeline.components.connector import A4sConnector

__all__ = ["A4sConnector"]
