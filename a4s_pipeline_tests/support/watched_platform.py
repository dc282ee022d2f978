"""A platform that keeps each sync's result, and reports progress to a test."""

from collections.abc import Sequence

from a4s_pipeline.platform import Platform
from a4s_pipeline.settings.loading import Settings
from a4s_pipeline.sync.pictures import PicturesResult
from a4s_pipeline.sync.result import Advance, SyncResult, silent
from a4s_pipeline.sync.windows import OrdersPlan


class WatchedPlatform(Platform):
    """`results` keeps each sync's result, failed ones too; `advance` receives the progress."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.results: list[SyncResult] = []
        self.advance: Advance = silent

    def sync(
        self,
        stream: str,
        connector: str,
        *,
        run_id: str,
        plan: OrdersPlan | None = None,
        advance: Advance = silent,
    ) -> SyncResult:
        del advance
        result = super().sync(stream, connector, run_id=run_id, plan=plan, advance=self.advance)
        self.results.append(result)
        return result

    def fetch_pictures(
        self, connector: str, item_codes: Sequence[str] = (), *, advance: Advance = silent
    ) -> PicturesResult:
        del advance
        return super().fetch_pictures(connector, item_codes, advance=self.advance)
