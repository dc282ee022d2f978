"""The component `A4sConnector`: the definitions of our code location, with the project's own layout."""

from collections.abc import Sequence
from typing import Annotated, Any

import dagster as dg
from pydantic import Field

from a4s_pipeline.orchestration.graph import build_definitions
from a4s_pipeline.orchestration.layout import OWNERS, Layout
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.connectors import STREAMS
from a4s_pipeline.settings.loading import load_settings


class A4sConnector(dg.Component, dg.Model, dg.Resolvable):
    """Imports items, customers and order history of App4Sales Platform connections into DuckDB.

    `settings` are those of the environment, without `A4S_` and in lower case; any left out are read from the
    environment. Secrets belong there: `{{ env.A4S_GATEWAY_TOKEN }}`.
    """

    settings: Annotated[
        dict[str, Any],
        Field(description="The settings, such as gateway_url, connectors and data_dir."),
    ] = Field(default_factory=dict)
    key_prefix: Annotated[
        Sequence[str],
        Field(description="Prefix of every asset key, so that `orders` stays free for your own."),
    ] = ()
    groups: Annotated[
        dict[str, str],
        Field(
            description="Your names for groups: sales, catalogue, customers, on_demand, analytics, gateway."
        ),
    ] = Field(default_factory=dict)
    owners: Annotated[
        Sequence[str], Field(description="Owners of the assets, as e-mail addresses or `team:` names.")
    ] = OWNERS
    schedules: Annotated[
        bool, Field(description="Whether imports and checks run automatically, which is the default.")
    ] = True
    streams: Annotated[
        Sequence[str], Field(description="The streams to create assets for: items, customers, orders.")
    ] = STREAMS

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the assets, checks, jobs, schedules and sensors of this installation."""
        del context
        settings = load_settings(**self.settings)
        layout = Layout(
            key_prefix=tuple(self.key_prefix),
            groups=self.groups,
            owners=tuple(self.owners),
            streams=checked_streams(self.streams),
            has_schedules=self.schedules,
        )
        return build_definitions(settings, layout, Platform(settings))


def checked_streams(streams: Sequence[str]) -> tuple[str, ...]:
    """Return the streams in the order of their import; raises ValueError for an unknown one."""
    unknown = [stream for stream in streams if stream not in STREAMS]
    if unknown or not streams:
        raise ValueError(
            f"streams: {', '.join(unknown) or 'none'}; name at least one of {', '.join(STREAMS)}"
        )
    return tuple(stream for stream in STREAMS if stream in streams)
