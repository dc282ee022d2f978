"""The notebook on the published data: sales, customers gone quiet and items running short, with filters."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from a4s_pipeline.errors import ChangeSite
from a4s_pipeline.report.upkeep import connectors_in
from a4s_pipeline.warehouse.store import Readable

NOTEBOOK = Path(__file__).with_name("sales_and_stock.py")
"""The notebook, a marimo file that an analyst may copy and change."""

_PACKAGES = ("marimo", "altair")


def require_notebook(store: Readable) -> None:
    """Check that the notebook can be opened.

    Raises `ChangeSite` if the extra `notebook` is not installed, and `NotPublished` if nothing was synced.
    """
    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise ChangeSite(
            f"the notebook needs more than is installed, {missing[0]} among it: "
            "pip install 'a4s-pipeline[notebook]'"
        )
    with store.reading() as connection:
        connectors_in(connection)
