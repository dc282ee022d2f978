"""What the README says holds: its settings, commands and links are the product's."""

import re
from pathlib import Path

import click

from a4s_pipeline.cli.main import a4s
from a4s_pipeline.settings.loading import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_settings_table_names_every_setting_and_its_default() -> None:
    rows = dict(re.findall(r"^\| (`A4S_.*?) \| (.*?) \|", README, re.MULTILINE))
    named = {name: default for names, default in rows.items() for name in re.findall(r"`A4S_(\w+)`", names)}
    assert {name.lower() for name in named} == set(Settings.model_fields)
    for name, default in named.items():
        actual = Settings.model_fields[name.lower()].get_default(call_default_factory=True)
        assert default == ("none" if actual in (None, {}, ()) else f"`{actual}`"), name


def test_every_command_of_the_readme_exists_and_every_command_is_in_it() -> None:
    listed = set(a4s.list_commands(click.Context(a4s)))
    assert set(re.findall(r"a4s ([a-z]+(?:-[a-z]+)*)", README)) == listed


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
