import json
import os
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr, ValidationError

from a4s_pipeline.errors import ChangeSettings
from a4s_pipeline.settings.connectors import Connector
from a4s_pipeline.settings.loading import Settings, load_settings
from a4s_pipeline.settings.store_location import SqliteLake

SECRET = "s3cret-Word"
CREDENTIALS = {"A4S_GATEWAY_USER": "jan", "A4S_GATEWAY_PASSWORD": SECRET}


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, without this machine's settings."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith("A4S_"):
            monkeypatch.delenv(name)


@pytest.fixture
def setenv(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return monkeypatch


def load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def complaint(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    with pytest.raises(ChangeSettings) as caught:
        load(monkeypatch, **variables)
    return str(caught.value)


def test_without_any_variable_each_setting_has_its_default(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.model_dump() == {
        "gateway_url": None,
        "gateway_ca": None,
        "gateway_proxy": None,
        "gateway_token": None,
        "gateway_user": None,
        "gateway_password": None,
        "gateway_routes": {},
        "alert_webhook_secret": None,
        "dagster_url": None,
        "api_host": "127.0.0.1",
        "api_port": 8321,
        "api_keys": (),
        "callbacks": (),
        "connectors": {},
        "data_dir": Path("data"),
        "history_start": date(2015, 1, 1),
        "lookback_days": 7,
        "timezone": "Europe/Amsterdam",
        "page_size": 300,
        "max_connections": 16,
        "max_calls_per_second": None,
        "timeout_seconds": 30,
        "order_hook": None,
        "resend_after_seconds": 600,
        "alert_webhook_url": None,
        "linger_seconds": 60,
        "log_format": "text",
        "metrics_file": None,
        "warehouse": None,
        "lake_files": None,
        "lake_kept_days": 30,
        "requests": None,
        "language": "nl",
        "currency": "EUR",
        "fiscal_year_start": 1,
        "customer_group": None,
        "item_attributes": {},
        "models": Path("models"),
        "history_versions": "orders",
        "answer_seconds": 10,
        "stock_fresh_seconds": 0,
        "restored_look_up_days": 30,
        "requests_kept_days": 30,
        "flows_kept_days": 90,
        "runs_kept_days": 30,
        "attempts_kept_days": 365,
        "versions_kept_days": 1095,
    }
    assert settings.timezone == ZoneInfo("Europe/Amsterdam")
    assert settings.warehouse_path == tmp_path / "data" / "warehouse.duckdb"
    assert settings.analytics_path == tmp_path / "data" / "analytics.duckdb"


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("GATEWAY_URL", "https://gateway.example.com", "https://gateway.example.com"),
        ("GATEWAY_URL", "https://example.com/a4s/api//", "https://example.com/a4s/api"),
        ("GATEWAY_URL", "http://127.0.0.1:8765/", "http://127.0.0.1:8765"),
        ("GATEWAY_URL", "http://[::1]:8765", "http://[::1]:8765"),
        ("CONNECTORS", '{"demo": "Demo B.V."}', {"demo": Connector("Demo B.V.")}),
        ("DATA_DIR", "/var/lib/a4s", Path("/var/lib/a4s")),
        ("HISTORY_START", "2020-02-29", date(2020, 2, 29)),
        ("HISTORY_START", "1970-01-01", date(1970, 1, 1)),
        ("LOOKBACK_DAYS", "0", 0),
        ("LOOKBACK_DAYS", "3650", 3650),
        ("TIMEZONE", "America/Curacao", ZoneInfo("America/Curacao")),
        ("PAGE_SIZE", "1", 1),
        ("PAGE_SIZE", "1000", 1000),
        ("MAX_CONNECTIONS", "256", 256),
        ("MAX_CALLS_PER_SECOND", "0.5", 0.5),
        ("TIMEOUT_SECONDS", "2.5", 2.5),
        ("ORDER_HOOK", "shop.hooks:before_export", "shop.hooks:before_export"),
        ("RESEND_AFTER_SECONDS", "0", 0),
        ("LINGER_SECONDS", "0", 0),
        (
            "ALERT_WEBHOOK_URL",
            "https://hooks.example.com/T0/x?sig=a%2Fb",
            SecretStr("https://hooks.example.com/T0/x?sig=a%2Fb"),
        ),
    ],
)
def test_a_variable_is_read(setenv: pytest.MonkeyPatch, variable: str, text: str, value: Any) -> None:
    assert getattr(load(setenv, **{f"A4S_{variable}": text}), variable.lower()) == value


@pytest.mark.parametrize(
    ("variable", "text", "says"),
    [
        ("GATEWAY_URL", "gateway.example.com", "must be a URL such as"),
        ("GATEWAY_URL", "ftp://gateway.example.com", "must be a URL such as"),
        ("GATEWAY_URL", "https://", "must be a URL such as"),
        ("GATEWAY_URL", "https:///path", "must be a URL such as"),
        ("GATEWAY_URL", "http://host:99999", "is not a URL"),
        ("GATEWAY_URL", "http://host:port", "is not a URL"),
        ("GATEWAY_URL", "http://[::1", "is not a URL"),
        ("GATEWAY_URL", "http://host/?a=b", "must end before any \\? or #"),
        ("GATEWAY_URL", "http://host/#top", "must end before any \\? or #"),
        ("GATEWAY_URL", "http://gate way", "must not contain spaces or control characters"),
        ("GATEWAY_URL", "http://host ", "must not contain spaces or control characters"),
        ("GATEWAY_URL", "http://host\n", "must not contain spaces or control characters"),
        ("GATEWAY_URL", f"http://jan:{SECRET}@host", "must not contain credentials"),
        ("GATEWAY_URL", f"http://{SECRET}@host", "must not contain credentials"),
        ("ALERT_WEBHOOK_URL", f"hooks.example.com/{SECRET}", "must be a URL such as"),
        ("ALERT_WEBHOOK_URL", f"file:///{SECRET}", "must be a URL such as"),
        ("ALERT_WEBHOOK_URL", f"http://host:{SECRET}", "is not a URL"),
        ("ALERT_WEBHOOK_URL", f"http://host/{SECRET} ", "must not contain spaces or control characters"),
        ("ALERT_WEBHOOK_URL", f"http://jan:{SECRET}@host", "must not contain a user or a password"),
        ("ALERT_WEBHOOK_URL", f"http://host/#{SECRET}", "must end before any #"),
        ("GATEWAY_TOKEN", f"{SECRET}\n", "contains a line break or another control character"),
        ("GATEWAY_TOKEN", f"{SECRET}€", "contains a character that is not allowed in an HTTP header"),
        ("CONNECTORS", "demo", "must be a JSON object of name to AdministrationName"),
        ("CONNECTORS", "{", "must be a JSON object of name to AdministrationName"),
        ("CONNECTORS", "[" * 100_000, "must be a JSON object of name to AdministrationName"),
        ("CONNECTORS", "{}", "must be a JSON object that names at least one connector"),
        ("CONNECTORS", '["demo"]', "must be a JSON object that names at least one connector"),
        ("CONNECTORS", '{"Demo": "D"}', "'Demo' is not a connector name"),
        ("CONNECTORS", '{"a b": "D"}', "'a b' is not a connector name"),
        ("CONNECTORS", '{"": "D"}', "'' is not a connector name"),
        ("CONNECTORS", '{"a\\n": "D"}', r"'a\\n' is not a connector name"),
        ("CONNECTORS", '{"' + "a" * 65 + '": "D"}', "'a+' is not a connector name"),
        ("CONNECTORS", '{"demo": ""}', "'demo' needs an AdministrationName"),
        ("CONNECTORS", '{"demo": 12}', "'demo' needs an AdministrationName"),
        ("CONNECTORS", '{"demo": null}', "'demo' needs an AdministrationName"),
        ("CONNECTORS", '{"demo": ".."}', "'demo': the AdministrationName '..' cannot be put in a path"),
        ("CONNECTORS", r'{"demo": "\ud800"}', "'demo': the AdministrationName .* cannot be put in a path"),
        ("CONNECTORS", '{"demo": "A", "demo": "B"}', "names 'demo' twice"),
        ("HISTORY_START", "gisteren", "must be a date such as 2015-01-01"),
        ("HISTORY_START", "0", "must be a date such as 2015-01-01"),
        ("HISTORY_START", "2015-02-30", "must be a date such as 2015-01-01"),
        ("HISTORY_START", "1969-12-31", "must be a date from 1970-01-01 to today"),
        ("HISTORY_START", "2100-01-02", "must be a date from 1970-01-01 to today"),
        ("LOOKBACK_DAYS", "-1", "input should be greater than or equal to 0"),
        ("LOOKBACK_DAYS", "3651", "input should be less than or equal to 3650"),
        ("LOOKBACK_DAYS", "7.5", "input should be a valid integer"),
        ("TIMEZONE", "Amsterdam", "must be a time zone such as Europe/Amsterdam"),
        ("TIMEZONE", "Europe", "must be a time zone such as Europe/Amsterdam"),
        ("TIMEZONE", "../../etc/passwd", "must be a time zone such as Europe/Amsterdam"),
        ("PAGE_SIZE", "0", "input should be greater than or equal to 1"),
        ("PAGE_SIZE", "1001", "input should be less than or equal to 1000"),
        ("PAGE_SIZE", "veel", "input should be a valid integer"),
        ("MAX_CONNECTIONS", "0", "input should be greater than or equal to 1"),
        ("MAX_CONNECTIONS", "257", "input should be less than or equal to 256"),
        ("MAX_CALLS_PER_SECOND", "0", "input should be greater than or equal to 0.01"),
        ("MAX_CALLS_PER_SECOND", "1e-320", "input should be greater than or equal to 0.01"),
        ("MAX_CALLS_PER_SECOND", "nan", "input should be a finite number"),
        ("TIMEOUT_SECONDS", "0", "input should be greater than 0"),
        ("TIMEOUT_SECONDS", "inf", "input should be a finite number"),
        ("TIMEOUT_SECONDS", "3601", "input should be less than or equal to 3600"),
        ("ORDER_HOOK", "shop.hooks", "must be package.module:function"),
        ("ORDER_HOOK", "shop.hooks:", "must be package.module:function"),
        ("ORDER_HOOK", "a:b:c", "must be package.module:function"),
        ("RESEND_AFTER_SECONDS", "-1", "input should be greater than or equal to 0"),
        ("RESEND_AFTER_SECONDS", "inf", "input should be a finite number"),
        ("LINGER_SECONDS", "86401", "input should be less than or equal to 86400"),
    ],
)
def test_a_wrong_value_gives_one_clear_line_that_names_the_variable(
    setenv: pytest.MonkeyPatch, variable: str, text: str, says: str
) -> None:
    line = complaint(setenv, **{f"A4S_{variable}": text})
    assert line.startswith(f"A4S_{variable}")
    assert "\n" not in line
    assert SECRET not in line
    with pytest.raises(ChangeSettings, match=says):
        raise ChangeSettings(line)


def test_each_wrong_variable_has_its_own_line(setenv: pytest.MonkeyPatch) -> None:
    lines = complaint(setenv, A4S_PAGE_SIZE="0", A4S_TIMEZONE="x", A4S_GATEWAY_URL="y").splitlines()
    assert [line.partition(":")[0] for line in lines] == ["A4S_TIMEZONE", "A4S_GATEWAY_URL", "A4S_PAGE_SIZE"]


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"A4S_GATEWAY_USER": "jan"}, "A4S_GATEWAY_USER and A4S_GATEWAY_PASSWORD go together"),
        ({"A4S_GATEWAY_PASSWORD": SECRET}, "A4S_GATEWAY_USER and A4S_GATEWAY_PASSWORD go together"),
        (CREDENTIALS | {"A4S_GATEWAY_TOKEN": SECRET}, "A4S_GATEWAY_TOKEN excludes A4S_GATEWAY_USER"),
        (CREDENTIALS | {"A4S_GATEWAY_USER": "jan:piet"}, "A4S_GATEWAY_USER contains a colon"),
        (CREDENTIALS | {"A4S_GATEWAY_USER": "jan\n"}, "A4S_GATEWAY_USER contains a line break"),
        (CREDENTIALS | {"A4S_GATEWAY_PASSWORD": SECRET + "\r"}, "A4S_GATEWAY_PASSWORD contains a line break"),
    ],
)
def test_credentials_that_do_not_go_together_are_said_not_to(
    setenv: pytest.MonkeyPatch, variables: dict[str, str], says: str
) -> None:
    line = complaint(setenv, **variables)
    assert line.startswith(says)
    assert "\n" not in line
    assert SECRET not in line
    assert "jan" not in line


@pytest.mark.parametrize("variables", [{"A4S_GATEWAY_TOKEN": SECRET}, CREDENTIALS])
def test_credentials_show_in_no_text_form_of_the_settings(
    setenv: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    settings = load(setenv, **variables)
    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump())):
        assert "gateway_token" in shown
        assert SECRET not in shown
        assert "jan" not in shown


def test_credentials_show_in_no_error_of_the_settings_themselves() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(_env_file=None, gateway_token=SECRET, gateway_user="jan")
    assert "go together" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "jan" not in str(caught.value)


def test_credentials_are_kept_to_the_letter(setenv: pytest.MonkeyPatch) -> None:
    settings = load(setenv, A4S_GATEWAY_USER=" jürgen", A4S_GATEWAY_PASSWORD=" pa:ss wörd€ ")
    assert settings.gateway_user is not None
    assert settings.gateway_user.get_secret_value() == " jürgen"
    assert settings.gateway_password is not None
    assert settings.gateway_password.get_secret_value() == " pa:ss wörd€ "


def test_administration_names_are_kept_to_the_letter_and_in_order(setenv: pytest.MonkeyPatch) -> None:
    settings = load(setenv, A4S_CONNECTORS='{"z": " Café / NOORD ", "a": "demo", "m_1-x": "Demo"}')
    named = [(name, connector.administration) for name, connector in settings.connectors.items()]
    assert named == [("z", " Café / NOORD "), ("a", "demo"), ("m_1-x", "Demo")]


def test_a_connector_imports_all_streams_or_those_that_it_names(setenv: pytest.MonkeyPatch) -> None:
    cases: dict[str, tuple[str, ...]] = {
        '"Shop B.V."': ("items", "customers", "orders"),
        '{"administration": "Shop B.V."}': ("items", "customers", "orders"),
        '{"administration": "Shop B.V.", "streams": ["customers", "items"]}': ("items", "customers"),
        '{"streams": ["orders"], "administration": "Shop B.V."}': ("orders",),
    }
    for given, streams in cases.items():
        settings = load(setenv, A4S_CONNECTORS=f'{{"demo": "Demo B.V.", "shop": {given}}}')
        assert settings.administration_of("shop") == "Shop B.V."
        assert settings.connectors["shop"].streams == streams
        for stream in ("items", "customers", "orders"):
            assert settings.connectors_with(stream) == ["demo", *(["shop"] if stream in streams else [])]


def test_a_connector_that_cannot_be_read_is_said_to_be(setenv: pytest.MonkeyPatch) -> None:
    cases = {
        "{}": "'shop' needs an AdministrationName",
        '{"streams": ["items"]}': "'shop' needs an AdministrationName",
        '{"administration": ""}': "'shop' needs an AdministrationName",
        '{"administration": ["Shop"]}': "'shop' needs an AdministrationName",
        '{"administration": ".."}': "cannot be put in a path",
        '{"administration": "S", "stream": ["items"]}': (
            "'shop' has an unknown key 'stream'; there are administration, streams"
        ),
        '{"administration": "S", "streams": ["prices"]}': (
            "'shop' names an unknown stream 'prices'; there are items, customers, orders"
        ),
        '{"administration": "S", "streams": [["items"]]}': "'shop' names an unknown stream ['items']",
        '{"administration": "S", "streams": []}': "'shop': streams must be a list of at least one",
        '{"administration": "S", "streams": "items"}': "'shop': streams must be a list of at least one",
        '{"administration": "S", "streams": null}': "'shop': streams must be a list of at least one",
        '{"administration": "S", "administration": "T"}': "names 'administration' twice",
    }
    for given, told in cases.items():
        message = complaint(setenv, A4S_CONNECTORS=f'{{"shop": {given}}}')
        assert message.startswith("A4S_CONNECTORS: ")
        assert told in message
        assert "\n" not in message


def test_a_stream_that_is_left_out_cannot_be_asked_for(setenv: pytest.MonkeyPatch) -> None:
    settings = load(
        setenv, A4S_CONNECTORS='{"demo": "D", "shop": {"administration": "S", "streams": ["items"]}}'
    )
    assert settings.chosen_connectors_with("orders", None) == ["demo"]
    with pytest.raises(ChangeSettings, match=r"^A4S_CONNECTORS: 'shop' leaves out orders"):
        settings.chosen_connectors_with("orders", "shop")
    shop = '{"shop": {"administration": "S", "streams": ["items"]}}'
    with pytest.raises(ChangeSettings, match=r"^A4S_CONNECTORS: every connector leaves out orders"):
        load(setenv, A4S_CONNECTORS=shop).chosen_connectors_with("orders", None)


def test_what_the_environment_leaves_out_is_read_from_a_file(
    setenv: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(
        'A4S_CONNECTORS={"demo": "Café B.V."}\nA4S_PAGE_SIZE=100\nA4S_LOOKBACK_DAYS=3\nOTHER_TOOL=1\n',
        encoding="utf-8",
    )
    settings = load(setenv, A4S_PAGE_SIZE="50", A4S_LOOKBACK_DAYS="")
    assert settings.connectors == {"demo": Connector("Café B.V.")}
    assert settings.page_size == 50
    assert settings.lookback_days == 3


@pytest.mark.parametrize("in_file", [True, False])
def test_an_empty_variable_is_one_that_is_not_set(
    setenv: pytest.MonkeyPatch, tmp_path: Path, in_file: bool
) -> None:
    names = [f"A4S_{name.upper()}" for name in Settings.model_fields]
    if in_file:
        (tmp_path / ".env").write_text("".join(f"{name}=\n" for name in names))
        assert load_settings() == Settings(_env_file=None)
    else:
        assert load(setenv, **dict.fromkeys(names, "")) == Settings(_env_file=None)


def test_a_wrong_value_in_the_file_is_named_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A4S_PAGE_SIZE=veel\n")
    with pytest.raises(ChangeSettings, match=r"^A4S_PAGE_SIZE: input should be a valid integer"):
        load_settings()


def test_a_file_that_is_not_utf_8_is_said_not_to_be_readable(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(f"A4S_GATEWAY_PASSWORD={SECRET}\xff\n".encode("latin-1"))
    with pytest.raises(ChangeSettings, match=r"^\.env cannot be read: ") as caught:
        load_settings()
    assert SECRET not in str(caught.value)


def test_settings_do_not_change_once_they_are_read() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().page_size = 5  # type: ignore[misc]


def test_a_connector_that_is_not_known_is_answered_with_those_that_are(setenv: pytest.MonkeyPatch) -> None:
    settings = load(setenv, A4S_CONNECTORS='{"zuid": "Z", "noord": "N"}')
    assert settings.administration_of("noord") == "N"
    assert settings.chosen_connectors(None) == ["zuid", "noord"]
    assert settings.chosen_connectors("noord") == ["noord"]
    with pytest.raises(
        ChangeSettings, match=r"^A4S_CONNECTORS: there is no connector 'west'; known: noord, zuid$"
    ):
        settings.chosen_connectors("west")


@pytest.mark.parametrize("asked", [None, "demo"])
def test_without_connectors_the_variable_is_named(asked: str | None) -> None:
    with pytest.raises(ChangeSettings, match=r"^A4S_CONNECTORS is not set: give a JSON object"):
        load_settings().chosen_connectors(asked)
    with pytest.raises(ChangeSettings, match=r"known: none$"):
        load_settings().administration_of("demo")


def test_without_a_gateway_the_variable_is_named(setenv: pytest.MonkeyPatch) -> None:
    with pytest.raises(ChangeSettings, match=r"^A4S_GATEWAY_URL is not set: give the base URL"):
        load_settings().required_gateway_url()
    assert load(setenv, A4S_GATEWAY_URL="http://host/").required_gateway_url() == "http://host"


def test_a_gateway_of_another_dialect_has_its_routes_in_one_setting(setenv: pytest.MonkeyPatch) -> None:
    settings = load(setenv, A4S_GATEWAY_ROUTES='{"orders": "/v2/{a}/sales-orders"}')
    assert settings.gateway_routes == {"orders": "/v2/{a}/sales-orders"}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("{", "must be a JSON object"),
        ('{"orders": 1}', "must be a JSON object"),
        ('{"prices": "/{a}/prices"}', "names an unknown route"),
        ('{"orders": "/orders"}', "must start with / and hold the same parts"),
        ('{"orders": "{a}/orders"}', "must start with / and hold the same parts"),
    ],
)
def test_a_route_that_cannot_be_is_one_line_that_names_the_variable(
    setenv: pytest.MonkeyPatch, value: str, told: str
) -> None:
    message = complaint(setenv, A4S_GATEWAY_ROUTES=value)
    assert message.startswith("A4S_GATEWAY_ROUTES: ")
    assert told in message
    assert "\n" not in message


def test_a_tilde_in_a_path_is_the_home_folder(setenv: pytest.MonkeyPatch, tmp_path: Path) -> None:
    setenv.setenv("HOME", str(tmp_path))
    home = chr(126)
    settings = load(
        setenv,
        A4S_DATA_DIR=f"{home}/a4s",
        A4S_WAREHOUSE=f"ducklake:sqlite:{home}/lake.sqlite",
        A4S_LAKE_FILES=f"{home}/lake",
        A4S_REQUESTS=home,
    )
    assert settings.data_dir == tmp_path / "a4s"
    assert settings.warehouse_location == SqliteLake(tmp_path / "lake.sqlite", f"{tmp_path}/lake/")
    assert settings.requests == str(tmp_path)
    assert load(setenv, A4S_DATA_DIR=f"a{home}b").data_dir == Path(f"a{home}b")


@pytest.mark.parametrize("letter", ["?", "\\"])
def test_a_path_that_duckdb_cannot_open_is_refused_by_its_variable(
    setenv: pytest.MonkeyPatch, letter: str
) -> None:
    for variable, value in (
        ("A4S_DATA_DIR", f"data{letter}x"),
        ("A4S_WAREHOUSE", f"/srv/a{letter}b/w.duckdb"),
        ("A4S_WAREHOUSE", f"ducklake:sqlite:/srv/a{letter}b"),
    ):
        with setenv.context() as only:
            told = complaint(only, **{variable: value})
        assert told.startswith(f"{variable}: ")
        assert "DuckDB opens no file" in told


def test_a_path_or_host_in_another_encoding_is_refused_by_its_variable(setenv: pytest.MonkeyPatch) -> None:
    for variable, value in (
        ("A4S_DATA_DIR", "/srv/caf\udce9"),
        ("A4S_DATA_DIR", "/srv/caf\udce9?"),
        ("A4S_LAKE_FILES", "/srv/caf\udce9"),
        ("A4S_API_HOST", "caf\udce9.example"),
        ("A4S_GATEWAY_CA", "/srv/caf\udce9.pem"),
    ):
        with setenv.context() as only:
            told = complaint(only, **{variable: value})
        assert told.startswith(f"{variable}: "), told
        assert "caf\\udce9" in told


def test_attributes_of_no_kind_are_refused_by_their_name(setenv: pytest.MonkeyPatch) -> None:
    for kind in ("colour", "", None, 1, True, [], ["text"], {"text": "text"}):
        with setenv.context() as only:
            told = complaint(only, A4S_ITEM_ATTRIBUTES=json.dumps({"brand": kind}))
        assert told.startswith("A4S_ITEM_ATTRIBUTES: 'brand' must be one of "), kind


def test_an_authority_that_is_none_and_a_proxy_that_is_none_are_refused_and_no_password_is_shown(
    setenv: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "none.pem").write_text("no certificate")
    for variable, value, says in (
        ("A4S_GATEWAY_CA", str(tmp_path / "missing.pem"), "cannot be read"),
        ("A4S_GATEWAY_CA", str(tmp_path / "none.pem"), "is not a PEM file of certificates"),
        ("A4S_GATEWAY_CA", "http://jan:geheim@proxy:3128", "must be the path of a PEM file"),
        ("A4S_GATEWAY_PROXY", "socks5://jan:geheim@proxy:1080", "must be a URL such as http://proxy"),
        ("A4S_GATEWAY_PROXY", "http://jan:geheim@proxy:3128/path", "must end after its host and port"),
    ):
        with setenv.context() as only:
            told = complaint(only, **{variable: value})
        assert told.startswith(f"{variable}: ")
        assert says in told
        assert "geheim" not in told


def test_a_misspelt_variable_is_reported_with_the_nearest_name_wherever_it_is_set(
    setenv: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Path(".env").write_text("A4S_CONECTORS={}\nA4S_PAGE_SIZE=7\nOTHER_WORDS=1\n")
    variables = {"A4S_GATWAY_TOKEN": SECRET, "a4s_lookback_days": "3", "A4S_XYZZY": "1", "A4S_EMPTY": ""}
    assert load(setenv, **variables).page_size == 7
    assert [record.getMessage() for record in caplog.records] == [
        "a4s: A4S_CONECTORS is not a setting and is ignored: did you mean A4S_CONNECTORS?",
        "a4s: A4S_GATWAY_TOKEN is not a setting and is ignored: did you mean A4S_GATEWAY_TOKEN?",
        "a4s: A4S_XYZZY is not a setting and is ignored: take it away, or look for it in the README",
    ]
