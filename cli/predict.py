"""`warmstart predict`: classifies photos with a pushed model."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import Debug, reported
from cli.options import AsJsonList
from cli.quiet import quiet_tensorflow


def predict(
    model_dir: Annotated[
        str,
        typer.Argument(
            metavar="MODEL_DIR", help="A pushed model: one version, or all, of which the newest."
        ),
    ],
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGE…", help="JPEG, PNG, GIF, BMP, WebP or TIFF files.")
    ],
    as_json: AsJsonList = False,
    debug: Debug = False,
) -> None:
    """Classify photos with a pushed model; exit 1 if any of them cannot be read."""
    from components.serving.model_folder import read_classes, version_folder

    with reported(debug):
        # Found before TensorFlow is imported, which takes seconds.
        folder = version_folder(Path(model_dir))
        read_classes(folder)
        with quiet_tensorflow():
            from components.serving.pushed_model import PushedModel

            predictions = PushedModel(folder).predict(images)
        if as_json:
            entries = [_without_none(asdict(prediction)) for prediction in predictions]
            typer.echo(json.dumps(entries, ensure_ascii=False, indent=2))
        else:
            for prediction in predictions:
                if prediction.error or prediction.probabilities is None:
                    typer.echo(f"{prediction.path}: {prediction.error}", err=True)
                else:
                    share = max(prediction.probabilities.values())
                    typer.echo(f"{prediction.path}: {prediction.label} ({share:.1%})")
        if any(prediction.error for prediction in predictions):
            raise typer.Exit(1)


def _without_none(entry: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in entry.items() if value is not None}
