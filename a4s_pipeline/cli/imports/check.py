"""`a4s check`: what is wrong between here and the orders of each connector, and what to do."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress

import click

from a4s_pipeline.cli.output import connector_option, json_option, print_json
from a4s_pipeline.errors import A4sError
from a4s_pipeline.files.texts import on_a_line
from a4s_pipeline.gateway.administration import Administration
from a4s_pipeline.gateway.calls.client import GatewayClient
from a4s_pipeline.gateway.checkup.checkup import PATIENCE, HistoryWanted, check_up
from a4s_pipeline.gateway.checkup.checkup_findings import Checked, Outcome
from a4s_pipeline.installation.looking import look_around
from a4s_pipeline.settings.loading import Settings, load_settings

_MARKS = {
    Outcome.OK: ("✓", "green"),
    Outcome.WARNING: ("!", "yellow"),
    Outcome.FAILED: ("✗", "red"),
    Outcome.SKIPPED: ("–", "bright_black"),  # noqa: RUF001 - a dash, as wide as the other marks
}
_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}
_NAME_WIDTH = 19
_INDENT = " " * (4 + _NAME_WIDTH)


@click.command()
@connector_option
@json_option
def check(connector: str | None, as_json: bool) -> None:
    """Ask the gateway ten questions about each connector, and say what is wrong and what to do.

    Faults on this machine, in the data folder or the order hook, come first. The command only reads: it makes
    a few calls, and stores and changes nothing.
    """
    settings = load_settings()
    settings.required_gateway_url()
    connectors = settings.chosen_connectors(connector)
    of_the_machine = look_around(settings)
    troubles = [finding for finding in of_the_machine if finding.verdict is not Outcome.OK]
    if troubles and not as_json:
        _print("this machine", f"{settings.data_dir.absolute()}", troubles, is_first=True)
    if settings.gateway_proxy is None:
        _warn_of_unread_proxies()
    checked: dict[str, list[Checked]] = {}
    for name, findings in _check_ups(settings, connectors):
        checked[name] = findings
        if not as_json:
            _print(
                name,
                repr(settings.administration_of(name)),
                findings,
                is_first=len(checked) == 1 and not troubles,
            )
    if as_json:
        print_json(
            {
                "machine": _as_json(of_the_machine),
                "connectors": {name: _as_json(findings) for name, findings in checked.items()},
            }
        )
    checked["this machine"] = of_the_machine
    failures = {
        name: [_label(finding) for finding in findings if finding.verdict is Outcome.FAILED]
        for name, findings in checked.items()
    }
    for name, failed in failures.items():
        if failed:
            click.echo(f"a4s: {name}: not in order: {', '.join(failed)}", err=True)
    if any(failures.values()):
        sys.exit(1)


def _check_ups(settings: Settings, connectors: list[str]) -> Iterator[tuple[str, list[Checked]]]:
    with GatewayClient(settings, rule=PATIENCE) as client:
        for name in connectors:
            administration = Administration(
                client, settings.administration_of(name), settings.timezone, settings.page_size
            )
            records = [
                stream for stream in ("items", "customers") if settings.connectors[name].imports(stream)
            ]
            yield name, check_up(administration, _order_history(settings, name), records)
        interim = client.counts.interim_answers
        if interim:
            click.echo(
                f"a4s: the gateway sent {interim:,} interim answers (102, 103) before its "
                "answers: they are skipped",
                err=True,
            )


def _warn_of_unread_proxies() -> None:
    """Name the proxy variables set in the environment: our calls ignore them."""
    names = sorted(name for name, value in os.environ.items() if name.lower() in _PROXIES and value)
    if names:
        click.echo(
            f"a4s: {', '.join(names)} set but not used: put a proxy for the gateway in A4S_GATEWAY_PROXY",
            err=True,
        )


def _order_history(settings: Settings, connector: str) -> HistoryWanted:
    is_wanted = settings.connectors[connector].imports("orders")
    return HistoryWanted(is_wanted, is_wanted and _ever_imported_orders(settings, connector))


def _ever_imported_orders(settings: Settings, connector: str) -> bool:
    """Tell whether the published data shows that orders of the connector were ever imported."""
    if settings.warehouse is None and not settings.analytics_path.exists():
        return False
    import duckdb  # noqa: PLC0415 - a first check has nothing to read

    from a4s_pipeline.platform import Platform  # noqa: PLC0415
    from a4s_pipeline.warehouse.rows.state import stream_state  # noqa: PLC0415

    with suppress(A4sError, duckdb.Error), Platform(settings).readable.reading() as copy:
        return stream_state(copy, connector, "orders").was_read
    return False


def _print(name: str, about: str, findings: list[Checked], *, is_first: bool) -> None:
    if not is_first:
        click.echo()
    click.echo(f"{click.style(name, bold=True)}  {about}")
    for finding in findings:
        mark, colour = _MARKS[finding.verdict]
        message = _wrapped(finding.message, _INDENT)
        click.echo(f"  {click.style(mark, fg=colour)} {_label(finding):<{_NAME_WIDTH}}{message}")
        if finding.advice is not None:
            click.echo(f"{_INDENT}→ {_wrapped(finding.advice, _INDENT + '  ')}")


def _wrapped(text: str, indent: str) -> str:
    """Wrap a text to the terminal's width; not in a file, where one line is easier to search."""
    text = on_a_line(text)
    if not _is_terminal():
        return text
    width = max(40, shutil.get_terminal_size().columns - len(indent))
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return f"\n{indent}".join(lines)


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _label(finding: Checked) -> str:
    return finding.name.replace("_", " ")


def _as_json(findings: list[Checked]) -> list[dict[str, str | None]]:
    return [
        {
            "name": finding.name,
            "verdict": finding.verdict.value,
            "message": finding.message,
            "advice": finding.advice,
        }
        for finding in findings
    ]
