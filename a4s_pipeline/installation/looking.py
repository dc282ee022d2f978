"""The part of `a4s check` that looks at this machine and calls nothing."""

from __future__ import annotations

import os
import tempfile

from a4s_pipeline.errors import ChangeSettings
from a4s_pipeline.gateway.checkup.checkup_findings import Checked, Outcome
from a4s_pipeline.settings.loading import Settings, misspelt_variables
from a4s_pipeline.settings.store_location import FileLocation


def look_around(settings: Settings) -> list[Checked]:
    """Return the findings on the settings' names, the data folder, and the order hook if there is one."""
    findings = [*_of_names(misspelt_variables()), _of_folder(settings)]
    if settings.order_hook is not None:
        findings.append(_of_hook(settings.order_hook))
    return findings


def _of_names(misspelt: list[str]) -> list[Checked]:
    if not misspelt:
        return [Checked("settings", Outcome.OK, "every variable that begins with A4S_ is a setting")]
    # Each line says what to do after its colon.
    told = [line.partition(": ") for line in misspelt]
    return [Checked("settings", Outcome.WARNING, message, advice) for message, _, advice in told]


def _of_folder(settings: Settings) -> Checked:
    folder = settings.data_dir.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    advice = "give the user who runs this write access, or set A4S_DATA_DIR to a folder that can be written"
    try:
        # Permissions are not enough: the disk may be full or mounted read-only.
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Checked(
            "data_folder", Outcome.FAILED, f"{existing} cannot be written ({error.strerror})", advice
        )
    store = settings.warehouse_location
    for path in (store.path if isinstance(store, FileLocation) else None, settings.analytics_path):
        if path is not None and path.exists() and not os.access(path, os.R_OK | os.W_OK):
            return Checked("data_folder", Outcome.FAILED, f"{path} is not writable for this user", advice)
    return Checked("data_folder", Outcome.OK, f"{folder} can be written")


def _of_hook(name: str) -> Checked:
    from a4s_pipeline.ondemand.orders.hook import load_hook  # noqa: PLC0415 - few have one

    try:
        load_hook(name)
    except ChangeSettings as error:
        advice = "mend the module, or A4S_ORDER_HOOK: until then no order is exported"
        return Checked("order_hook", Outcome.FAILED, str(error), advice)
    return Checked("order_hook", Outcome.OK, f"{name} is imported")
