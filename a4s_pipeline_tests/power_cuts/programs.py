"""The programs that the power cut tests record (`PROGRAM FOLDER URL`), and those that continue afterwards."""

from pathlib import Path
from typing import Any

from a4s_pipeline.ondemand.service import OnDemand
from a4s_pipeline.ondemand.worker.request_worker import RequestWorker
from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline_tests.stores.made import ADMINISTRATION


def platform_of(data: Path, url: str) -> Platform:
    """The installation that a program uses."""
    settings: dict[str, Any] = {
        "gateway_url": url,
        "connectors": {"demo": ADMINISTRATION},
        "data_dir": data,
        # A watermark beyond what is stored would lose orders at once.
        "lookback_days": 0,
        "linger_seconds": 0,
        "resend_after_seconds": 0,
    }
    return Platform(GivenSettings(**settings))


def import_all(platform: Platform) -> None:
    """Sync every stream, and publish."""
    for stream in ("items", "customers", "orders"):
        platform.sync(stream, "demo", run_id="recorded").or_raise()
    platform.publish()


def answer(platform: Platform) -> None:
    """Answer the inbox, after settling unknown outcomes."""
    with OnDemand(platform, "recorded") as service:
        service.settle_all()
        RequestWorker(service).serve(lambda: False)


def open_store(platform: Platform) -> None:
    """Open the store, which undoes an interrupted checkpoint."""
    with platform.warehouse.session():
        pass


def program(name: str) -> str:
    """Return a command that runs one of these programs."""
    return (
        "import sys; from pathlib import Path; from a4s_pipeline_tests.power_cuts import programs; "
        f"programs.{name}(programs.platform_of(Path(sys.argv[1]), sys.argv[2]))"
    )
