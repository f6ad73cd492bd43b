"""`warmstart gc`: removes what no run needs any more."""

from __future__ import annotations

from cli.errors import Debug, reported
from cli.options import AsJsonObject, Output, ReallyDo
from cli.runs import remove_unneeded


def gc(
    output: Output = None,
    yes: ReallyDo = False,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Remove files that no run, no blessed and no pushed model needs: what failures left."""
    with reported(debug):
        remove_unneeded(output, yes=yes, as_json=as_json)
