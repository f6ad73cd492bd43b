"""What docs/kubeflow.md says about `warmstart kubeflow` is what the command line takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
import typer

from cli.main import app

PAGE = (Path(__file__).parents[2] / "docs" / "kubeflow.md").read_text(encoding="utf-8")
LINES = re.findall(
    r"^ +\.venv/bin/warmstart (kubeflow .+)$", PAGE.replace("\\\n", " "), flags=re.MULTILINE
)


def leaf(line: str) -> tuple[click.Command, list[str]]:
    """Returns the command of a line, and its arguments."""
    command: click.Command = typer.main.get_command(app)
    arguments = shlex.split(line)
    while isinstance(command, click.Group):
        name, *arguments = arguments
        command = command.commands[name]
    return command, arguments


def commands(group: click.Group) -> list[click.Command]:
    return [
        found
        for one in group.commands.values()
        for found in (commands(one) if isinstance(one, click.Group) else [one])
    ]


def test_there_are_lines() -> None:
    assert len(LINES) > 4


@pytest.mark.parametrize("line", LINES)
def test_each_line_of_the_page_is_understood(line: str) -> None:
    command, arguments = leaf(line)
    command.make_context(line, arguments)


def test_the_page_names_each_command_and_each_way_to_log_in() -> None:
    kubeflow = typer.main.get_command(app).commands["kubeflow"]
    words = set(re.findall(r"[\w-]+", PAGE))
    for command in commands(kubeflow):
        assert command.name in words
        named = {text for one in command.params for text in one.opts if text.startswith("--")}
        for option in named & {"--host", "--namespace", "--token-file", "--cookies-file"}:
            assert option in words
