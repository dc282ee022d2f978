"""Every setting of the platform, its default and its meaning: environment variables, then `.env`."""

from __future__ import annotations

import json
import logging
import os
import re
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from a4s_pipeline.errors import ChangeSettings
from a4s_pipeline.settings.analyst import AnalystSettings
from a4s_pipeline.settings.api_keys import ApiClient, read_api_keys
from a4s_pipeline.settings.callbacks import Callback, read_callbacks
from a4s_pipeline.settings.connectors import Connector, read_connectors, unique_pairs
from a4s_pipeline.settings.misspelt import PREFIX, misspelt
from a4s_pipeline.settings.paths import at_home, authority_file, in_utf8, openable
from a4s_pipeline.settings.routes import Routes
from a4s_pipeline.settings.store_location import FileLocation, SqliteLake, StoreLocation, read_location
from a4s_pipeline.settings.urls import (
    checked_dagster_url,
    checked_gateway_url,
    checked_proxy_url,
    checked_webhook_secret,
    checked_webhook_url,
    requests_location,
)

_log = logging.getLogger(__name__)
_HOOK = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def _routes(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        try:
            value = json.loads(value, object_pairs_hook=unique_pairs)
        except (json.JSONDecodeError, RecursionError):
            raise ValueError("must be a JSON object of route name to path") from None
    if not isinstance(value, dict) or not all(isinstance(path, str) for path in value.values()):
        raise ValueError("must be a JSON object of route name to path")
    try:
        Routes(**value)
    except TypeError:
        known = ", ".join(field.name for field in fields(Routes))
        raise ValueError(f"names an unknown route; there are {known}") from None
    return value


def _history_start(value: Any) -> date:
    # Pydantic would take a number for seconds since 1970.
    try:
        read = value if isinstance(value, date) else date.fromisoformat(value)
    except (ValueError, TypeError):
        raise ValueError("must be a date such as 2015-01-01") from None
    # Tomorrow in UTC may be today at the administration.
    if not date(1970, 1, 1) <= read <= datetime.now(UTC).date() + timedelta(days=1):
        raise ValueError("must be a date from 1970-01-01 to today")
    return read


def _metrics_path(path: Path) -> Path:
    if path.suffix != ".prom":
        raise ValueError("must end in .prom, which is all that node_exporter reads")
    return path


def _hook(text: str) -> str:
    if not _HOOK.fullmatch(text):
        raise ValueError("must be package.module:function")
    return text


class Settings(AnalystSettings):
    """The platform's configuration, shared by all connectors.

    Field `x_y` is the variable `A4S_X_Y`. Secrets are masked in every text form of this object.
    """

    model_config = SettingsConfigDict(
        env_prefix="A4S_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_default=False,
        hide_input_in_errors=True,
    )

    gateway_url: Annotated[str | None, AfterValidator(lambda url: url and checked_gateway_url(url))] = None
    gateway_token: SecretStr | None = None
    gateway_user: SecretStr | None = None
    gateway_password: SecretStr | None = None
    gateway_routes: Annotated[dict[str, str], NoDecode, BeforeValidator(_routes)] = Field(
        default_factory=dict
    )
    gateway_ca: Annotated[Path, BeforeValidator(at_home), AfterValidator(authority_file)] | None = None
    gateway_proxy: Annotated[SecretStr, AfterValidator(checked_proxy_url)] | None = None
    connectors: Annotated[dict[str, Connector], NoDecode, BeforeValidator(read_connectors)] = Field(
        default_factory=dict
    )
    history_start: Annotated[date, BeforeValidator(_history_start)] = date(2015, 1, 1)
    lookback_days: Annotated[int, Field(ge=0, le=3650)] = 7
    page_size: Annotated[int, Field(ge=1, le=1000)] = 300
    max_connections: Annotated[int, Field(ge=1, le=256)] = 16
    max_calls_per_second: Annotated[float | None, Field(ge=0.01, allow_inf_nan=False)] = None
    timeout_seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 30
    answer_seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 10
    stock_fresh_seconds: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = 0
    api_host: Annotated[str, AfterValidator(in_utf8)] = "127.0.0.1"
    api_port: Annotated[int, Field(ge=0, le=65535)] = 8321
    api_keys: Annotated[tuple[ApiClient, ...], NoDecode, BeforeValidator(read_api_keys)] = ()
    callbacks: Annotated[tuple[Callback, ...], NoDecode, BeforeValidator(read_callbacks)] = ()
    order_hook: Annotated[str | None, AfterValidator(lambda hook: hook and _hook(hook))] = None
    resend_after_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 600
    alert_webhook_url: Annotated[SecretStr, AfterValidator(checked_webhook_url)] | None = None
    alert_webhook_secret: Annotated[SecretStr, AfterValidator(checked_webhook_secret)] | None = None
    dagster_url: Annotated[str, AfterValidator(checked_dagster_url)] | None = None
    warehouse: Annotated[SecretStr, BeforeValidator(at_home)] | None = None
    lake_files: Annotated[str, BeforeValidator(at_home), AfterValidator(in_utf8)] | None = None
    lake_kept_days: Annotated[int, Field(ge=0, le=36500)] = 30
    requests: Annotated[str, BeforeValidator(at_home), AfterValidator(requests_location)] | None = None
    restored_look_up_days: Annotated[int, Field(ge=0, le=36500)] = 30
    requests_kept_days: Annotated[int, Field(ge=1, le=36500)] = 30
    flows_kept_days: Annotated[int, Field(ge=1, le=36500)] = 90
    runs_kept_days: Annotated[int, Field(ge=1, le=36500)] = 30
    attempts_kept_days: Annotated[int, Field(ge=1, le=36500)] = 365
    metrics_file: Annotated[Path, BeforeValidator(at_home), AfterValidator(_metrics_path)] | None = None
    versions_kept_days: Annotated[int, Field(ge=1, le=36500)] = 1095
    linger_seconds: Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)] = 60
    log_format: Literal["text", "json"] = "text"

    @model_validator(mode="after")
    def _a_place_for_the_warehouse(self) -> Self:
        try:
            location = self.warehouse_location
            if isinstance(location, FileLocation):
                openable(location.path)
            if isinstance(location, SqliteLake):
                openable(location.catalog)
        except ValueError as error:
            raise ValueError(f"A4S_WAREHOUSE: {error}") from None
        return self

    @model_validator(mode="after")
    def _one_kind_of_credentials(self) -> Self:
        if (self.gateway_user is None) != (self.gateway_password is None):
            raise ValueError("A4S_GATEWAY_USER and A4S_GATEWAY_PASSWORD go together: set both or neither")
        if self.gateway_token is not None and self.gateway_user is not None:
            raise ValueError(
                "A4S_GATEWAY_TOKEN excludes A4S_GATEWAY_USER and A4S_GATEWAY_PASSWORD: set one kind"
            )
        for name in ("gateway_token", "gateway_user", "gateway_password"):
            secret: SecretStr | None = getattr(self, name)
            if secret is not None and not secret.get_secret_value().isprintable():
                raise ValueError(f"A4S_{name.upper()} contains a line break or another control character")
        if self.gateway_token is not None and not self.gateway_token.get_secret_value().isascii():
            raise ValueError("A4S_GATEWAY_TOKEN contains a character that is not allowed in an HTTP header")
        if self.gateway_user is not None and ":" in self.gateway_user.get_secret_value():
            raise ValueError("A4S_GATEWAY_USER contains a colon, which ends the user in HTTP Basic")
        return self

    @property
    def warehouse_path(self) -> Path:
        """The pipeline's own store, unless A4S_WAREHOUSE names another."""
        return self.data_dir.absolute() / "warehouse.duckdb"

    @property
    def warehouse_location(self) -> StoreLocation:
        """Where the pipeline's own store is, and what it is."""
        if self.warehouse is None:
            return FileLocation(self.warehouse_path)
        return read_location(
            self.warehouse.get_secret_value(), self.lake_files or str(self.data_dir / "lake")
        )

    @property
    def images_path(self) -> Path:
        """The folder of the items' pictures."""
        return self.data_dir.absolute() / "images"

    def administration_of(self, connector: str) -> str:
        """Return the AdministrationName that the gateway routes this connector by."""
        if connector not in self.connectors:
            known = ", ".join(sorted(self.connectors)) or "none"
            raise ChangeSettings(f"A4S_CONNECTORS: there is no connector {connector!r}; known: {known}")
        return self.connectors[connector].administration

    def chosen_connectors(self, connector: str | None) -> list[str]:
        """Return the one connector asked for, or all of them in the order of A4S_CONNECTORS."""
        if not self.connectors:
            raise ChangeSettings(
                "A4S_CONNECTORS is not set: give a JSON object of name to AdministrationName, "
                'such as {"demo": "Demo B.V."}'
            )
        if connector is None:
            return list(self.connectors)
        self.administration_of(connector)
        return [connector]

    def connectors_with(self, stream: str) -> list[str]:
        """Return the connectors whose stream is imported, in the order of A4S_CONNECTORS."""
        return [name for name, connector in self.connectors.items() if connector.imports(stream)]

    def chosen_connectors_with(self, stream: str, connector: str | None) -> list[str]:
        """Return the chosen connectors that import the stream; raises if there is none."""
        chosen = self.chosen_connectors(connector)
        importing = [name for name in chosen if self.connectors[name].imports(stream)]
        if not importing:
            who = f"{connector!r} leaves" if connector else "every connector leaves"
            raise ChangeSettings(f"A4S_CONNECTORS: {who} out {stream}: add it to its streams to import it")
        return importing

    def required_gateway_url(self) -> str:
        """Return the gateway's base URL without a trailing slash, or say that it is missing."""
        if self.gateway_url is None:
            raise ChangeSettings(
                "A4S_GATEWAY_URL is not set: give the base URL of the App4Sales Platform Gateway"
            )
        return self.gateway_url


class GivenSettings(Settings):
    """Settings from the caller only: neither the environment nor a `.env` is read."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what was given, and nothing else."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def _line(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return message
    variable = f"A4S_{str(error['loc'][0]).upper()}"
    return f"{variable}: {message[0].lower()}{message[1:]}"


def misspelt_variables() -> list[str]:
    """Return a line for each variable of the environment or `.env` that looks like a setting but is not."""
    given = [name for name, value in os.environ.items() if value]
    with suppress(OSError, UnicodeDecodeError):
        given += DotEnvSettingsSource(Settings).env_vars
    return list(misspelt(given, [f"{PREFIX}{name}" for name in Settings.model_fields]))


def log_format() -> str:
    """Return A4S_LOG_FORMAT as it stands, whether or not the settings can be read: that is logged too."""
    name = f"{PREFIX}LOG_FORMAT"
    given = os.environ.get(name)
    with suppress(OSError, UnicodeDecodeError):
        given = given or DotEnvSettingsSource(Settings).env_vars.get(name.lower())
    return given or "text"


def load_settings(**given: Any) -> Settings:
    """Read the settings of this process, or raise `ChangeSettings` with one line for each wrong variable.

    Values given under the names of the fields override the environment. A variable that looks like a setting
    but is not is logged.
    """
    if unknown := sorted(given.keys() - Settings.model_fields.keys()):
        raise ChangeSettings(f"{unknown[0]}: there is no such setting")
    for line in misspelt_variables():
        _log.warning("a4s: %s", line)
    try:
        return Settings(**given)
    except ValidationError as error:
        raise ChangeSettings("\n".join(_line(fault) for fault in error.errors(include_input=False))) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ChangeSettings(f".env cannot be read: {error}") from None
