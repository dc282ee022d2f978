"""`a4s images`: fetches the items' pictures that are not stored yet."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from a4s_pipeline.cli.imports.progress import progress_bar
from a4s_pipeline.cli.output import connector_option, json_option, print_json, say, utf8
from a4s_pipeline.errors import A4sError
from a4s_pipeline.ondemand.answers import error_object
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import load_settings
from a4s_pipeline.sync.pictures import Missed, PicturesResult


@click.command()
@click.argument("items", type=utf8, metavar="[ITEM]...", nargs=-1)
@connector_option
@json_option
def images(items: tuple[str, ...], connector: str | None, as_json: bool) -> None:
    """Fetch the pictures of these items, or of all items, that are not stored yet.

    They are stored in A4S_DATA_DIR/images, each named by its hash. The last sync of items says which pictures
    there are. Exit status 1 if one could not be fetched.
    """
    settings = load_settings()
    settings.required_gateway_url()
    platform = Platform(settings)
    results: dict[str, PicturesResult | A4sError] = {}
    for name in settings.chosen_connectors_with("items", connector):
        with progress_bar(f"{name} images") as advance:
            try:
                results[name] = platform.fetch_pictures(name, items, advance=advance)
            except A4sError as error:
                results[name] = error
    if as_json:
        print_json({"connectors": {name: _as_json(result) for name, result in results.items()}})
    for name, result in results.items():
        _tell(name, result, as_json=as_json)
    nowhere = [code for code in items if _is_nowhere(code, results.values())]
    for code in nowhere:
        say(f"a4s: there is no item {code!r}: check the code, or run `a4s sync items`", err=True)
    if nowhere or any(isinstance(result, A4sError) or not result.is_whole for result in results.values()):
        sys.exit(1)


def _is_nowhere(code: str, results: Iterable[PicturesResult | A4sError]) -> bool:
    return not any(
        isinstance(result, PicturesResult) and code not in result.unknown_items for result in results
    )


def _as_json(result: PicturesResult | A4sError) -> dict[str, object]:
    return {"error": error_object(result)} if isinstance(result, A4sError) else result.as_json()


def _tell(connector: str, result: PicturesResult | A4sError, *, as_json: bool) -> None:
    if isinstance(result, A4sError):
        say(f"a4s: {connector}: {result}", err=True)
        return
    if not as_json:
        say(
            f"{connector}: {result.named:,} images named, {result.stored:,} stored before, "
            f"{result.fetched:,} fetched ({result.size / 1e6:.1f} MB), {len(result.unknown):,} unknown; "
            f"{result.calls:,} calls in {result.seconds:.1f} s"
        )
    for missed in result.missed:
        say(f"a4s: {connector}: {_why(missed)}", err=True)


def _why(missed: Missed) -> str:
    if missed.is_unknown:
        return f"the gateway does not know the image {missed.image_hash!r} of item {missed.item_code!r}"
    return f"{missed.error} (item {missed.item_code!r})"
