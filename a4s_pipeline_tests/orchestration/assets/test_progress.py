import pytest

from a4s_pipeline.orchestration.assets.events import progress
from a4s_pipeline.orchestration.assets.events.progress import progress_line
from a4s_pipeline_tests.orchestration.conftest import Site


def test_a_line_shows_records_rate_and_time_left() -> None:
    for done, total, seconds, line in [
        (1200, 3600, 12.0, "demo orders: 1,200 of 3,600 read, 100 a second, about 0:00:24 left"),
        (3600, 3600, 36.0, "demo orders: 3,600 of 3,600 read, 100 a second"),
        (3601, 1, 36.0, "demo orders: 3,601 read, 100 a second"),
        (0, 0, 0.0, "demo orders: 0 of 0 read, 0 a second"),
    ]:
        assert progress_line("demo orders", done, total, seconds) == line


def test_a_run_says_in_its_log_how_far_it_is(
    site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.0)
    site.put("A1")
    assert site.run(alone=True).success
    assert "demo orders: 1 of 1 read" in "".join(capfd.readouterr())
