"""The report: one HTML page of charts and tables, made from the published copy alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from a4s_pipeline.errors import ChangeSite
from a4s_pipeline.files.whole_files import write_whole
from a4s_pipeline.models import DEFAULT_ZONE
from a4s_pipeline.warehouse.store import Readable


def write_report(
    store: Readable,
    target: Path,
    *,
    connectors: Mapping[str, Collection[str]] | None = None,
    zone: ZoneInfo = DEFAULT_ZONE,
) -> Path:
    """Write the page to `target`, replacing it in one step; return its absolute path.

    `connectors`, each with its streams, are shown in their order, by default all in the copy; `zone` is the
    time zone of the page. Raises `NotPublished` if nothing was synced, and `ChangeSite` if the copy is of
    another version, the page cannot be written, or the extra `report` is not installed.
    """
    # Matplotlib takes most of a second to import, and only this needs it.
    try:
        from a4s_pipeline.report.page import render  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("a4s_pipeline"):
            raise
        raise ChangeSite(
            f"a report needs more than is installed, {missing.name} among it: "
            "pip install 'a4s-pipeline[report]'"
        ) from None
    page = render(store, connectors, datetime.now(UTC).astimezone(zone))
    return _replace_file(target, page)


def _replace_file(target: Path, text: str) -> Path:
    """Replace a file in one step, so that nobody opens half a page; return its path."""
    path = target.absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # UTF-8 cannot encode half a surrogate pair: it becomes "?".
        write_whole(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise ChangeSite(
            f"{path} cannot be written ({error.strerror}): check the folder and the free disk space"
        ) from None
    return path
