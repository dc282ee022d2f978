"""Whatever the environment holds: settings, or one line per wrong variable without any secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a4s_pipeline.errors import ChangeSettings
from a4s_pipeline.settings.loading import Settings, load_settings
from a4s_pipeline_tests.hostile.wire_values import NASTY_NUMBERS, NASTY_TEXTS, any_value, as_json
from a4s_pipeline_tests.support.nightly import examples

SECRETS = ("A4S_GATEWAY_TOKEN", "A4S_GATEWAY_USER", "A4S_GATEWAY_PASSWORD")
# Those that take a URL, and the one where the URL of the proxy is given by mistake.
URLS = (
    "A4S_GATEWAY_URL",
    "A4S_GATEWAY_PROXY",
    "A4S_GATEWAY_CA",
    "A4S_ALERT_WEBHOOK_URL",
    "A4S_CALLBACKS",
    "A4S_DAGSTER_URL",
    "A4S_REQUESTS",
)
VARIABLES = sorted(f"A4S_{name.upper()}" for name in Settings.model_fields)
MARK = "mArk3d"


def fits_an_environment(text: str) -> bool:
    # Hypothesis also draws the constants of this file and what is like them: what is no secret may be shown.
    if MARK in text:
        return False
    try:
        return "\0" not in os.fsencode(text).decode("latin-1")
    except UnicodeEncodeError:
        return False


texts = (
    st.sampled_from(
        [*NASTY_TEXTS, *NASTY_NUMBERS, "Europe", "../../etc/localtime", "posixrules", "tzdata.zi"]
    )
    | st.text(st.characters(), max_size=20)
    | any_value.map(as_json)
    | st.sampled_from(["http://", "https://[::1", "http://a:99999", "http://\u2100.nl"])
    | st.binary(max_size=10).map(os.fsdecode)
).filter(fits_an_environment)


def loaded() -> Settings | ChangeSettings:
    try:
        return load_settings()
    except ChangeSettings as error:
        return error


@settings(
    max_examples=examples(50, 1000), deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(
    given=st.dictionaries(st.sampled_from(VARIABLES), texts, max_size=4),
    marked=st.sets(st.sampled_from(SECRETS)),
    urls=st.sets(st.sampled_from(URLS), max_size=2),
)
def test_any_environment_is_settings_or_lines_that_name_their_variables(
    given: dict[str, str], marked: set[str], urls: set[str]
) -> None:
    environment = given | dict.fromkeys(urls, f"http://u:{MARK}@a")
    environment |= {name: f"{given.get(name, '')}{MARK}" for name in marked}
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environment.items():
            patched.setenv(name, value)
        found = loaded()
    assert MARK not in f"{found} {found!r}"
    if isinstance(found, ChangeSettings):
        lines = str(found).split("\n")
        assert all(any(name in line for name in VARIABLES) for line in lines)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"A4S_GATEWAY_TOKEN=mArk3d\xff",
        b"A4S_GATEWAY_TOKEN='mArk3d\nA4S_PAGE_SIZE=x",
        b'A4S_GATEWAY_TOKEN="mArk3d\\n"\nA4S_GATEWAY_USER=mArk3d',
        b"A4S_PAGE_SIZE=${A4S_GATEWAY_TOKEN}\nA4S_GATEWAY_TOKEN=mArk3d",
        b"A4S_GATEWAY_TOKEN=mArk3d\nA4S_PAGE_SIZE=${A4S_GATEWAY_TOKEN}",
        b"=" * 10_000,
        b"A4S_CONNECTORS=" + b"[" * 100_000,
        b"A4S_CONNECTORS={" + b'"a":' * 50_000,
    ],
)
def test_any_env_file_is_settings_or_lines_without_the_secret(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    found = loaded()
    assert MARK not in f"{found} {found!r}"
    if isinstance(found, ChangeSettings):
        assert "A4S_" in str(found) or ".env cannot be read" in str(found)
