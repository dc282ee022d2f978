from datetime import date
from pathlib import Path

from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import GivenSettings
from a4s_pipeline.sync.windows import Months, OrdersPlan
from a4s_sandbox import DEMO_CONNECTORS, Sandbox
from a4s_sandbox.data.demo import demo_world

CONNECTOR = "noord"


def publish_demo_copy(folder: Path) -> Path:
    """Import one whole administration of the demo's world, and return the published copy."""
    with Sandbox(demo_world()) as sandbox:
        platform = Platform(
            GivenSettings(
                gateway_url=sandbox.url,
                connectors={CONNECTOR: DEMO_CONNECTORS[CONNECTOR]},
                data_dir=folder,
            )
        )
        platform.sync("items", CONNECTOR, run_id="items").or_raise()
        platform.sync("customers", CONNECTOR, run_id="customers").or_raise()
        everything = OrdersPlan(Months(date(2015, 1, 1), date(2100, 1, 1)), whole=True)
        platform.sync("orders", CONNECTOR, plan=everything, run_id="orders").or_raise()
    platform.publish()
    return platform.settings.analytics_path
