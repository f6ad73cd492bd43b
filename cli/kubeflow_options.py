"""Options that `warmstart kubeflow submit` and `schedule create` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SpecPath = Annotated[
    Path,
    typer.Argument(
        metavar="FILE.yaml", help="As `warmstart pipeline compile --engine kubeflow` writes it."
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="A runtime parameter of the pipeline."),
]
Experiment = Annotated[
    str,
    typer.Option("--experiment", metavar="NAME", help="For the runs; made if it is not there."),
]
ServiceAccount = Annotated[
    str, typer.Option("--service-account", metavar="NAME", help="Of Kubernetes, for the pods.")
]
