"""The connector of a command that asks for one."""

from __future__ import annotations

import click

from a4s_pipeline.settings.loading import Settings


def one_connector(settings: Settings, connector: str | None) -> str:
    """Return the connector asked for, or the only one there is."""
    connectors = settings.chosen_connectors(connector)
    if len(connectors) > 1:
        raise click.UsageError(
            f"there are several connectors; add --connector with one of {', '.join(connectors)}"
        )
    return connectors[0]
