"""`warmstart data`: looks at photos, without training."""

from __future__ import annotations

import typer

from cli.data_check import check

app = typer.Typer(help="Check photos.", no_args_is_help=True)
app.command("check")(check)


@app.callback()
def data() -> None:
    """Check photos."""
