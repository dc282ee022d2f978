"""What an existing Dagster project embeds: the connector as a component, described in its `defs.yaml`."""

from a4s_pipeline.components.connector import A4sConnector

__all__ = ["A4sConnector"]
