"""Checks that ask the store alone: each can be executed by itself, and none waits for an import."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import dagster as dg
import duckdb

from a4s_pipeline.orchestration.alerts.failing import told_plainly
from a4s_pipeline.orchestration.layout import Layout
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings import Settings

Ask = Callable[[dg.AssetCheckSpec, duckdb.DuckDBPyConnection, Settings], dg.AssetCheckResult]
"""From the check, the open store and the settings to what is broken now."""

# In a run that imports too, the imports and the copy come first: the executor takes what may begin by this.
_LAST = {"dagster/priority": "-10"}


@dataclass(frozen=True)
class StoreCheck:
    """One standing check of one table: what it holds, and how the store is asked."""

    name: str
    table: str
    description: str
    ask: Ask


def store_checks(
    layout: Layout, name: str, description: str, checks: Sequence[StoreCheck]
) -> dg.AssetChecksDefinition:
    """Define checks that one step asks of the store, all of them or those that somebody chose.

    The step takes no asset as its input: where an import fails in the same run, what depends on it is left
    out, and these would be told as failed although nobody had looked.
    """
    specs = {check: _spec(layout, check) for check in checks}

    @dg.op(
        name=name,
        description=description,
        out={spec.get_python_identifier(): dg.Out(dg.Nothing, is_required=False) for spec in specs.values()},
        tags=_LAST,
    )
    def ask_the_store(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.AssetCheckResult]:
        chosen = context.selected_asset_check_keys
        with told_plainly(), platform.warehouse.moment() as store:
            results = [
                check.ask(spec, store, platform.settings)
                for check, spec in specs.items()
                if spec.key in chosen
            ]
        yield from results

    checks_def: dg.AssetChecksDefinition = dg.AssetChecksDefinition.create(
        keys_by_input_name={},
        node_def=ask_the_store,
        check_specs_by_output_name={spec.get_python_identifier(): spec for spec in specs.values()},
        can_subset=True,
    )
    return checks_def


def _spec(layout: Layout, check: StoreCheck) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(check.name, asset=layout.key(check.table), description=check.description)
