"""`warmstart gc`: removes what no run needs any more."""

from __future__ import annotations

import typer

from cli.errors import Debug, reported
from cli.options import AsJsonObject, Output, ReallyDo
from cli.runs import reviewed


def gc(
    output: Output = None,
    yes: ReallyDo = False,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Remove files that no run, no blessed and no pushed model needs: what failures left."""
    from cli.review_text import as_json as text_of
    from cli.review_text import print_removal
    from review.removal import plan_removal, remove

    with reported(debug), reviewed(output, to_write=yes) as (folders, store, history):
        found = plan_removal(history, folders)
        if yes:
            remove(store, found)
        if as_json:
            typer.echo(text_of({"removed": yes, "plan": found}))
        else:
            print_removal(found, done=yes)
