"""The App4Sales Platform connector as a data pipeline.

For order hooks: `GatewayOrder`, `IntakeOrder` and `RefuseOrder` can be imported from here.
"""

import sys
from typing import TYPE_CHECKING, Any

if sys.platform == "win32":
    # Locks that die with their process are what keeps two syncs apart; Windows has them in another way.
    raise SystemExit("a4s-pipeline runs on Linux and macOS; on Windows, run it in WSL 2")

from a4s_pipeline.version import __version__

if TYPE_CHECKING:
    from a4s_pipeline.errors import RefuseOrder
    from a4s_pipeline.ondemand.orders.gateway_order import GatewayOrder
    from a4s_pipeline.ondemand.orders.intake import IntakeOrder

__all__ = ["GatewayOrder", "IntakeOrder", "RefuseOrder", "__version__"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: every command imports this package, few need the models.
    if name == "RefuseOrder":
        from a4s_pipeline.errors import RefuseOrder  # noqa: PLC0415

        return RefuseOrder
    if name == "GatewayOrder":
        from a4s_pipeline.ondemand.orders.gateway_order import GatewayOrder  # noqa: PLC0415

        return GatewayOrder
    if name == "IntakeOrder":
        from a4s_pipeline.ondemand.orders.intake import IntakeOrder  # noqa: PLC0415

        return IntakeOrder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
