"""`warmstart doctor`: tells whether this machine, or container, has what a run needs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import Debug, reported
from cli.options import AsJsonObject
from cli.weights_cache import WeightsCache
from components.backbone.cache import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelines.environment.checks import Check


def doctor(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="DIR",
            help="Where a run would write to.",
            show_default="warmstart-output",
        ),
    ] = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Put back ML Metadata's store of before the latest run, if damaged."
        ),
    ] = False,
    weights_cache: WeightsCache = None,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Look at Python, TensorFlow, GPUs, disk and the like: exit 1 if a run would fail."""
    from pipelines.environment.checks import FAIL
    from pipelines.environment.doctor import examine
    from pipelines.folders import DEFAULT_OUTPUT

    with reported(debug):
        if repair:
            _repair(output or DEFAULT_OUTPUT)
            return
        found = examine((output or DEFAULT_OUTPUT).absolute(), weights_cache or cache_folder())
        verdicts = _as_json(found) if as_json else _as_lines(found)
    if verdicts[FAIL]:
        raise typer.Exit(1)


def _repair(output: Path) -> None:
    from pipelines.folders import OutputFolders
    from pipelines.metadata_backup import restore
    from pipelines.run_lock import exclusive_run
    from schemas.errors import ConfigError, printable

    folders = OutputFolders(output.resolve())
    if not folders.root.is_dir():
        raise ConfigError(f"--output {printable(str(output))}: there is no such folder.")
    with exclusive_run(folders):
        typer.echo(restore(folders))


def _as_lines(checks: Iterable[Check]) -> Counter[str]:
    """Prints each check as soon as it is there, and a summary."""
    verdicts: Counter[str] = Counter()
    for check in checks:
        verdicts[check.verdict] += 1
        typer.echo(f"{check.verdict}  {check.name:<10}  {check.text}")
    typer.echo(
        f"\n{verdicts['PASS']} passed, {verdicts['WARN']} warned, {verdicts['FAIL']} failed."
    )
    return verdicts


def _as_json(checks: Iterable[Check]) -> Counter[str]:
    found = list(checks)
    verdicts = Counter(check.verdict for check in found)
    content = {
        "checks": [asdict(check) for check in found],
        "passed": verdicts["PASS"],
        "warned": verdicts["WARN"],
        "failed": verdicts["FAIL"],
    }
    typer.echo(json.dumps(content, ensure_ascii=False))
    return Counter(verdicts)
