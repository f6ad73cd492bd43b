"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DATA_HELP = (
    "Photos: a folder with a folder per class, or with train/ and val/ of such; a manifest "
    "(.csv or .parquet: path,label[,split]); or a .zip or .tar of these."
)

Data = Annotated[str, typer.Option("--data", metavar="DATA", help=DATA_HELP)]

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="YAML file, as `warmstart init` writes it."),
]

Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one key, such as fine_tune.epochs=3."),
]

AsJsonObject = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, and nothing else, on stdout.")
]

AsJsonList = Annotated[bool, typer.Option("--json", help="Print a JSON list.")]

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="DIR",
        help="Where the run wrote to.",
        show_default="warmstart-output",
    ),
]

ReallyDo = Annotated[
    bool, typer.Option("--yes", help="Do it; without, what would be removed is only listed.")
]

RunId = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Its id, the beginning or the end of it, latest, latest-blessed or latest-pushed.",
    ),
]
