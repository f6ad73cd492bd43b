"""`warmstart init`: writes a configuration to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import Debug, reported
from schemas.errors import ConfigError

_HEADER = """\
# Configuration of `warmstart pipeline run --config pipeline.yaml --data DIR`.
# Every key is optional and stands here with its default.
# --set on the command line goes first: --set fine_tune.epochs=3

{version}: {newest}  # Of the keys below: a later warmstart reads them as they were meant.
"""


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write to.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    debug: Debug = False,
) -> None:
    """Write a commented pipeline.yaml with every default."""
    from pipelines.config import PipelineConfig, commented_yaml
    from pipelines.config_version import KEY, newest

    with reported(debug):
        file = folder / "pipeline.yaml"
        if file.exists() and not force:
            raise ConfigError(f"{file} exists already; pass --force to overwrite it.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            header = _HEADER.format(version=KEY, newest=newest())
            file.write_text(header + commented_yaml(PipelineConfig()), encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"Cannot write {file} ({error.strerror}); name a folder that can be written to."
            ) from error
        typer.echo(f"Wrote {file}")
