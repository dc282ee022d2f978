"""The folder and the environment that every process of the cluster shares."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import yaml

from cluster.gateway import Gateway
from cluster.services import PostgreSQL, Redis

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"


class Store(StrEnum):
    """Where the imported data goes."""

    LAKE = "lake"
    FILE = "file"


@dataclass(frozen=True)
class Home:
    """A folder with Dagster's settings, and the environment that points to it."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def logs(self) -> Path:
        """Where each process writes its own log."""
        return self.folder / "logs"

    @property
    def dagster_home(self) -> Path:
        """The folder of dagster.yaml and workspace.yaml."""
        return self.folder / "dagster"


def make_home(
    folder: Path,
    gateway: Gateway,
    postgresql: PostgreSQL,
    redis: Redis,
    *,
    store: Store = Store.LAKE,
    more: Mapping[str, str] | None = None,
    dagster: Mapping[str, Mapping[str, object]] | None = None,
) -> Home:
    """Write Dagster's settings from deploy/ into a folder.

    `more` adds to the environment; `dagster` to sections of dagster.yaml, such as
    `{"run_monitoring": {"poll_interval_seconds": 2}}`.
    """
    # Settings of whoever calls us would lead to their gateway.
    foreign = {name: value for name, value in os.environ.items() if not name.startswith(("A4S_", "DAGSTER_"))}
    home = Home(
        folder,
        {
            **foreign,
            "DAGSTER_HOME": str(folder / "dagster"),
            "DAGSTER_POSTGRES_URL": postgresql.url("dagster"),
            "DAGSTER_CELERY_BROKER_URL": redis.url(0),
            "DAGSTER_CELERY_BACKEND_URL": redis.url(1),
            # A run reports each month that it changed: in one write instead of one each.
            "DAGSTER_EVENT_BATCH_SIZE": "1000",
            "A4S_GATEWAY_URL": gateway.url,
            "A4S_CONNECTORS": json.dumps(dict(gateway.connectors)),
            "A4S_DATA_DIR": str(folder / "data"),
            "A4S_HISTORY_START": "2016-01-01",
            **(
                {"A4S_WAREHOUSE": f"ducklake:postgres:{postgresql.words('lake')}"}
                if store is Store.LAKE
                else {}
            ),
            **(more or {}),
        },
    )
    home.dagster_home.mkdir(parents=True)
    settings = yaml.safe_load((DEPLOY / "dagster.yaml").read_text(encoding="utf-8"))
    for section, values in (dagster or {}).items():
        settings[section] = {**settings.get(section, {}), **values}
    (home.dagster_home / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return home
