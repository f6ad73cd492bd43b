"""The option `--weights-cache`, for every command that reads ImageNet weights."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from components.backbone.cache import CACHE_VARIABLE


def _use(folder: Path | None) -> Path | None:
    """Components read it from the environment: workers of Beam and containers have that too."""
    if folder:
        os.environ[CACHE_VARIABLE] = str(folder.absolute())
    return folder


WeightsCache = Annotated[
    Path | None,
    typer.Option(
        "--weights-cache",
        metavar="DIR",
        envvar=CACHE_VARIABLE,
        callback=_use,
        help="Folder of ImageNet weights, shared by all runs.",
        show_default="where Keras has its own",
    ),
]
