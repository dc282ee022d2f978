"""`make compose-test`: builds the image, runs deploy/compose.yaml, and breaks containers."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from a4s_pipeline.settings.loading import GivenSettings
from cluster.containers.compose import HISTORY_START, compose
from cluster.containers.docker import NotHereError, docker
from cluster.containers.stand_ins import base_images
from cluster.containers.walk import walk
from cluster.gateway import connector_names
from cluster.home import ROOT
from cluster.processes import ClusterError

FOLDER = ROOT / ".cluster" / "containers"


def main() -> int:
    """Return 0 if everything went well, or nothing could be tried on this machine."""
    parser = argparse.ArgumentParser(prog="python -m cluster.containers", description=__doc__)
    parser.add_argument("--connectors", type=int, default=20)
    parser.add_argument("--orders", type=int, default=100, help="of each connector")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="holds Docker's own data where none runs")
    given = parser.parse_args()
    connectors = dict.fromkeys(connector_names(given.connectors), "Demo B.V.")
    settings = GivenSettings(
        gateway_url="http://gateway:8765", connectors=connectors, history_start=HISTORY_START
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = given.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with docker(folder) as client:
            stand_ins = base_images(client, folder)
            if stand_ins:
                _say(f"made of Debian, because they cannot be pulled: {', '.join(stand_ins)}")
            try:
                with compose(client, folder, connectors, orders=given.orders, workers=given.workers) as up:
                    walk(up, settings, given.orders, _say)
            finally:
                for name in stand_ins:
                    client("tag", name, f"a4s-stand-in/{name}")
                    client("rmi", name)
    except NotHereError as error:
        _say(f"skipped: {error}")
        return 0
    except ClusterError as error:
        _say(f"failed: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"compose-test: {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
