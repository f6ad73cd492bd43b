"""`warmstart data check`: what lies in a data folder, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.data_survey import surveyed
from cli.errors import Debug, reported
from cli.options import DATA_HELP, AsJsonObject, ConfigFile, without_password_in_it
from schemas.errors import ConfigError, printable

if TYPE_CHECKING:
    from pipelines.config import PipelineConfig
    from schemas.corrections import Correction

# Of the entries of each list.
_MOST_SHOWN = 20


def check(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help=DATA_HELP, callback=without_password_in_it)
    ],
    config: ConfigFile = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change one key, such as split.eval_fraction=0.3."
        ),
    ] = None,
    corrections: Annotated[
        str | None,
        typer.Option(
            "--corrections",
            metavar="FILE",
            help="What was decided about photos, such as warmstart-output/corrections.csv.",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page with thumbnails, too."),
    ] = None,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Look at every photo as a run would, without training: exit 1 if a run would stop."""
    from cli.corrections_file import chosen_corrections
    from pipelines.config import load_config

    with reported(debug, on_error=_print_failure if as_json else None):
        decided = chosen_corrections(corrections)
        found = _checked(data, load_config(config, overrides or []), decided, html)
        if as_json:
            typer.echo(json.dumps(found, ensure_ascii=False))
        else:
            _print(found)
            if html:
                typer.echo(f"\nPage  {html}")
        if found["errors"]:
            raise typer.Exit(1)


def print_list(console: Any, heading: str, lines: list[str]) -> None:
    """Prints a heading and the first of the lines; nothing where there are none."""
    from rich.text import Text

    if not lines:
        return
    console.print(heading)
    for line in lines[:_MOST_SHOWN]:
        console.print(Text(f"  {line}"))
    if len(lines) > _MOST_SHOWN:
        console.print(f"  and {len(lines) - _MOST_SHOWN} more; --json lists all")


def _checked(
    data: str, settings: PipelineConfig, corrections: list[Correction], html: Path | None
) -> dict[str, Any]:
    from components.dataset.summary import summary

    if html and (html.is_dir() or not html.parent.is_dir()):
        raise ConfigError(f"--html {html}: name a file in a folder that exists.")
    options = settings.survey_options
    survey = surveyed(data, options, corrections=corrections)
    found = summary(data, survey, options)
    if html:
        from pipelines.data_page import write_data_page

        try:
            write_data_page(data, survey, found, html)
        except OSError as error:
            raise ConfigError(f"--html {html}: {error.strerror}; name another file.") from error
    return found


def _print(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("class")
    splits = list(next(iter(found["classes"].values()), {}))
    for name in (*splits, "for evaluation"):
        table.add_column(name, justify="right")
    for label, counts in found["classes"].items():
        total = sum(counts.values())
        share = f"{counts['eval'] / total:.0%}" if total else "-"
        numbers = (str(counts[split]) for split in splits)
        table.add_row(Text(printable(label)), *numbers, share)
    console.print(f"{found['images']} photos in {found['layout']}")
    console.print(table)
    files = found["quarantined"]
    print_list(
        console,
        f"\n{len(files)} set aside, and not to be learnt from:",
        [f"{printable(file['path'])}: {file['reason']}" for file in files],
    )
    relabelled = found["relabelled"]
    print_list(
        console,
        f"\n{len(relabelled)} of another class by correction:",
        [f"{printable(p['path'])}: {printable(p['class'])}" for p in relabelled],
    )
    groups = found["duplicate_groups"]
    print_list(
        console,
        f"\n{len(groups)} pictures more than once, each in one split only:",
        [" = ".join(map(printable, group)) for group in groups],
    )
    for warning in found["warnings"]:
        console.print(Text(f"\nNote: {warning}", style="yellow"))
    for error in found["errors"]:
        console.print(Text(f"\nError: {error}", style="red"))
    if not found["errors"]:
        console.print(Text("\nA run can be made of these photos.", style="green"))


def _print_failure(message: str) -> None:
    from components.dataset.summary import NOTHING_FOUND

    typer.echo(json.dumps(NOTHING_FOUND | {"errors": [message]}, ensure_ascii=False))
