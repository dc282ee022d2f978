"""`a4s lake`: moves an existing warehouse over to a lake."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from a4s_pipeline.cli.imports.progress import progress_bar
from a4s_pipeline.cli.output import connector_option, json_option, print_json, say
from a4s_pipeline.errors import ChangeSettings
from a4s_pipeline.locks.file_locks import FileLocks, Locks
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings, load_settings
from a4s_pipeline.sync.records.customers import CUSTOMER_KIND
from a4s_pipeline.sync.records.items import ITEM_KIND
from a4s_pipeline.sync.stream_run import stream_lock
from a4s_pipeline.warehouse.file.warehouse_file import WarehouseFile
from a4s_pipeline.warehouse.lake.lake import Lake
from a4s_pipeline.warehouse.lake.lake_export import ExportedIntoLake, connectors_in, export_to_lake
from a4s_pipeline.warehouse.rows.orders.writing import STREAM

_MOST_NAMED = 5
_STREAMS = (ITEM_KIND.stream, CUSTOMER_KIND.stream, STREAM)


@click.group()
def lake() -> None:
    """Commands for the lake that A4S_WAREHOUSE names."""


@lake.command()
@click.option(
    "--from",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The warehouse to move, by default warehouse.duckdb in A4S_DATA_DIR.",
)
@click.option(
    "--replace",
    "is_replacing",
    is_flag=True,
    help="Let the file's rows replace newer rows in the lake, including what was sent from the lake.",
)
@connector_option
@json_option
def export(file: Path | None, is_replacing: bool, connector: str | None, as_json: bool) -> None:
    """Move an existing warehouse file to the lake that A4S_WAREHOUSE names.

    First stop the schedules and everything that exports orders or creates customers: the file cannot be
    written meanwhile, and later exports must only be recorded in the lake. The file itself is not changed.

    If it was interrupted or the file has changed, run it again: it moves what is still missing. It refuses if
    the lake holds newer rows than the file.
    """
    started = time.monotonic()
    settings = load_settings()
    # An older file may lack tables or columns: it is opened as by a sync, which adds them.
    path = _existing(file, settings)
    platform = Platform(settings)
    target = platform.warehouse
    if not isinstance(target, Lake):
        raise ChangeSettings(
            "A4S_WAREHOUSE names no lake: set it to where the rows shall go, ducklake:sqlite:PATH or "
            "ducklake:postgres:host=… dbname=…, and A4S_LAKE_FILES to where its files shall lie"
        )
    connectors = connectors_in(WarehouseFile(path, conventions=settings.conventions))
    if connector is not None:
        if connector not in connectors:
            known = ", ".join(connectors) or "none"
            raise ChangeSettings(f"{path} holds nothing of the connector {connector!r}; known: {known}")
        connectors = [connector]
    # Each side has its own locks, and a sync takes only those of its side.
    of_the_file = FileLocks(settings.data_dir.absolute() / "locks")
    with _no_sync_of(connectors, of_the_file, platform.locks), progress_bar("rows") as advance:
        exported = export_to_lake(path, target, connectors, is_replacing=is_replacing, advance=advance)
    seconds = round(time.monotonic() - started, 3)
    if as_json:
        print_json({"tables": dict(exported.rows), "connectors": connectors, "seconds": seconds})
    else:
        _tell(path, connectors, exported)


def _existing(file: Path | None, settings: Settings) -> Path:
    path = (file or settings.warehouse_path).absolute()
    if not path.is_file():
        raise ChangeSettings(f"there is no {path}: set A4S_DATA_DIR, or name the warehouse with --from FILE")
    return path


@contextmanager
def _no_sync_of(connectors: Sequence[str], *sides: Locks) -> Iterator[None]:
    with ExitStack() as stack:
        for side in sides:
            for connector in connectors:
                for stream in _STREAMS:
                    stack.enter_context(stream_lock(side, connector, stream))
        yield


def _tell(path: Path, connectors: Sequence[str], exported: ExportedIntoLake) -> None:
    rows = {name: count for name, count in exported.rows.items() if count or name in exported.seconds}
    total = sum(rows.values())
    names = ", ".join(connectors) if len(connectors) <= _MOST_NAMED else f"{len(connectors)} connectors"
    if exported.seconds:
        say(f"{'table':<26}{'rows':>14}{'seconds':>10}")
        say(*(f"{name:<26}{rows[name]:>14,}{exported.seconds.get(name, 0.0):>10.1f}" for name in rows))
        say(f"The lake holds all {total:,} rows of {path} ({names}), checked by count and by hash.")
    else:
        say(f"The lake holds all {total:,} rows of {path} ({names}) already: nothing was done.")
    say(
        "Next: give A4S_WAREHOUSE and A4S_LAKE_FILES, as they are set here, to everything that runs a4s, "
        f"start the schedules again, and keep {path.name} as a backup until you are satisfied. Analysts read "
        "the lake from now on: analytics.duckdb is not replaced any more."
    )
