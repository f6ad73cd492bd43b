"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import reported
from schemas.addresses import holds_password
from schemas.errors import ConfigError

DATA_HELP = (
    "Photos: a folder with a folder per class, or with train/ and val/ of such; a manifest "
    "(.csv or .parquet: path,label[,split]); or a .zip or .tar of these."
)


def without_password_in_it(data: str | None) -> str | None:
    """Takes where photos lie, unless that would put a password into records and reports."""
    if data and holds_password(data):
        with reported(debug=False):
            raise ConfigError(
                "A user or password in the address of photos would be recorded; leave them out, "
                "and give the rights in the way of the store, such as "
                "GOOGLE_APPLICATION_CREDENTIALS."
            )
    return data


Data = Annotated[
    str,
    typer.Option("--data", metavar="DATA", help=DATA_HELP, callback=without_password_in_it),
]

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
