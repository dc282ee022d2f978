import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import gettempdir

import pytest

from a4s_pipeline.report import write_report
from a4s_pipeline.warehouse.file.reader import PublishedCopy
from a4s_pipeline.warehouse.tables import ORDER_LINES, ORDERS, SET_ASIDE, SYNC_STATE
from a4s_pipeline_tests.report.conftest import Publish
from a4s_pipeline_tests.report.test_page import Page
from a4s_pipeline_tests.support.rows import line, order

_PACKAGES = ["chromium", "chromium-driver"]
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--log-level=0",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Debian's chromium, installed if missing."""
    with (Path(gettempdir()) / "a4s-tests-chromium.lock").open("w") as turn:
        # Test processes side by side would be in the way of each other's apt-get.
        fcntl.flock(turn, fcntl.LOCK_EX)
        _install()
    found = shutil.which("chromium")
    if found is None:
        why = "there is no chromium here, and it could not be installed with apt-get"
        if os.environ.get("CI"):
            pytest.fail(f"{why}: the script of the CI has to install it")
        pytest.skip(why)
    return found


def _install() -> None:
    if not shutil.which("chromium") and shutil.which("apt-get") and os.geteuid() == 0:
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *_PACKAGES]):
            subprocess.run(
                ["apt-get", "--quiet", *command],
                check=False,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                timeout=240,
            )


def _open(chromium: str, page: Path, profile: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [chromium, *_FLAGS, *more, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "HOME": str(profile)},
    )


def test_the_page_opens_from_disk_without_errors_and_without_the_network(
    chromium: str, demo_copy: Path, tmp_path: Path
) -> None:
    target = write_report(PublishedCopy(demo_copy), tmp_path / "report.html")
    # A page that asked for anything by name or address would be told there is no such host.
    opened = _open(chromium, target, tmp_path / "profile", "--host-resolver-rules=MAP * ~NOTFOUND")
    assert opened.returncode == 0, opened.stderr
    assert [line for line in opened.stderr.splitlines() if "CONSOLE" in line] == []
    page = Page(opened.stdout)
    assert page.elements.count("svg") > 20
    assert "Sales by month" in page.text
    assert page.text.startswith("Sales and stock")
    links = [value for name, value in page.attributes if name in ("src", "href", "xlink:href")]
    assert [link for link in links if "://" in link or link.startswith("//")] == []


def test_the_browser_reports_what_a_page_does_wrong(chromium: str, tmp_path: Path) -> None:
    """The test above would notice it."""
    wrong = tmp_path / "wrong.html"
    wrong.write_text(
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\"><script>alert(1)</script>",
        encoding="utf-8",
    )
    assert "CONSOLE" in _open(chromium, wrong, tmp_path / "profile").stderr


# A page of files may look into another only where the browser is told so.
_MEASURED = """
<iframe style="border: 0; width: {width}px; height: 900px" src="{page}"></iframe><p></p>
<script>
document.querySelector("iframe").onload = event => {{
  const page = event.target.contentDocument;
  page.querySelectorAll("details").forEach(one => one.open = true);
  const {{ scrollWidth, clientWidth }} = page.documentElement;
  document.querySelector("p").textContent = `beyond the edge: ${{scrollWidth - clientWidth}} pixels`;
}};
</script>
"""


@pytest.mark.nightly
def test_nothing_is_wider_than_a_telephone_whatever_is_unfolded(
    chromium: str, publish_rows: Publish, tmp_path: Path
) -> None:
    state = {"stream": "orders", "last_success_at": "2024-06-20T10:00:00Z"}
    long = {"customer_name": "Timmer" * 30, "currency": "EUR", "sub_total": "99999999999999.9999"}
    copy = publish_rows(
        {
            SYNC_STATE: [
                {**state, "connector": "zuid", "has_history": False, "last_success_at": None},
                {**state, "connector": "zuid", "stream": "items"},
                {**state, "connector": "demo", "last_error": "https://gateway.example/" + "a" * 300},
            ],
            ORDERS: [order("1", "2024-06-15T12:00:00Z", **long), order("2", "2023-06-15T12:00:00Z", **long)],
            ORDER_LINES: [line("1", line_total="99999999999999.9999", quantity="99999999999999")],
            SET_ASIDE: [
                {"connector": "demo", "stream": "orders", "record_key": "K" * 200, "reason": "x" * 300}
            ],
        }
    )
    target = write_report(PublishedCopy(copy), tmp_path / "report.html")
    for width in (390, 1280):
        measured = tmp_path / f"{width}.html"
        measured.write_text(_MEASURED.format(width=width, page=target.as_uri()), encoding="utf-8")
        opened = _open(
            chromium,
            measured,
            tmp_path / f"profile-{width}",
            "--allow-file-access-from-files",
            "--hide-scrollbars",
            "--virtual-time-budget=5000",
        )
        assert re.findall(r"<p>(.*?)</p>", opened.stdout) == ["beyond the edge: 0 pixels"], width
