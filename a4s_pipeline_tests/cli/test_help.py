from collections.abc import Callable

import click
import pytest

from a4s_pipeline import __version__
from a4s_pipeline.cli.main import a4s
from a4s_pipeline_tests.cli.conftest import Ended

CONTEXT = click.Context(a4s)
COMMANDS = a4s.list_commands(CONTEXT) if isinstance(a4s, click.Group) else []
OF_ORDER_HISTORY = {"check", "demo", "dev", "order", "orders", "sandbox", "sync"}
WITH_DATA = {"check", "order", "orders", "sync"}


def command(name: str) -> click.Command:
    assert isinstance(a4s, click.Group)
    found = a4s.get_command(CONTEXT, name)
    assert found is not None
    return found


def test_help_lists_every_command_with_what_it_does(here: Callable[..., Ended]) -> None:
    assert set(COMMANDS) >= OF_ORDER_HISTORY
    done = here("--help")
    assert (done.status, done.err) == (0, "")
    listed = [text.split() for text in done.out.partition("\nCommands:\n")[2].splitlines()]
    assert [words[0] for words in listed] == COMMANDS
    assert all(len(words) > 3 for words in listed)
    assert "0 done; 1 refused, failed" in done.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_help_and_lists_its_options(here: Callable[..., Ended], name: str) -> None:
    done = here(name, "--help")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"Usage: a4s {name} ")
    for parameter in command(name).params:
        shown = parameter.opts if isinstance(parameter, click.Option) else [parameter.make_metavar(CONTEXT)]
        for text in shown:
            assert text in done.out, text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_but_the_plain_ones_is_explained(name: str) -> None:
    for parameter in command(name).params:
        if isinstance(parameter, click.Option) and parameter.name not in ("limit", "offset", "help"):
            assert parameter.help, parameter.opts
            assert parameter.help.endswith("."), parameter.opts


@pytest.mark.parametrize("name", COMMANDS)
def test_a_short_h_is_help_too(here: Callable[..., Ended], name: str) -> None:
    assert here(name, "-h").out == here(name, "--help").out


@pytest.mark.parametrize("name", sorted(WITH_DATA))
def test_commands_that_answer_with_data_take_json_and_a_connector(name: str) -> None:
    options = {text for parameter in command(name).params for text in parameter.opts}
    assert {"--json", "--connector"} <= options


def test_sync_takes_each_stream_and_all(here: Callable[..., Ended]) -> None:
    assert "[items|customers|orders|all]" in here("sync", "--help").out


def test_the_version_is_that_of_the_package(here: Callable[..., Ended]) -> None:
    assert here("--version").out == f"a4s, version {__version__}\n"


def test_help_reads_no_settings(here: Callable[..., Ended]) -> None:
    assert here("sync", "--help", A4S_TIMEZONE="Mars/Olympus").status == 0


@pytest.mark.parametrize("arguments", [["nothing"], ["sync", "--nothing"], ["order"]])
def test_wrong_usage_is_status_2_and_points_at_help(here: Callable[..., Ended], arguments: list[str]) -> None:
    done = here(*arguments)
    assert done.status == 2
    assert done.out == ""
    assert "--help" in done.err
    assert done.said()[-1].startswith("Error: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["orders", "--limit", "0"], "Invalid value for '--limit': 0 is not in the range 1<=x<=1000."),
        (["sync", "items", "--from", "2024-01-01"], "--from and --to work only with `a4s sync orders`"),
        (["order"], "Missing argument 'CODE'."),
    ],
)
def test_wrong_usage_is_an_error_document_with_json(
    here: Callable[..., Ended], arguments: list[str], message: str
) -> None:
    done = here(*arguments, "--json")
    assert done.status == 2
    assert done.json() == {"error": {"code": "WrongUsage", "message": message, "fields": []}}
    assert done.said()[-1] == f"Error: {message}"
