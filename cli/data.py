"""`warmstart data`: looks at photos without training, or fetches some."""

from __future__ import annotations

import typer

from cli.data_check import check
from cli.data_fetch import fetch

app = typer.Typer(help="Check photos, or fetch a public data set.", no_args_is_help=True)
app.command("check")(check)
app.command("fetch")(fetch)


@app.callback()
def data() -> None:
    """Check photos, or fetch a public data set."""
