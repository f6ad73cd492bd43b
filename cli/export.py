"""`warmstart export`: writes a pushed model for another runtime, checked against the SavedModel."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.data_survey import surveyed
from cli.errors import Debug, reported
from cli.options import DATA_HELP, AsJsonObject
from cli.quiet import quiet_tensorflow
from schemas.errors import ConfigError, printable

if TYPE_CHECKING:
    from components.dataset.survey import Survey
    from components.model_export.export import Exported
    from components.model_export.formats import ExportFormat


def export(
    model_dir: Annotated[
        str,
        typer.Argument(
            metavar="MODEL_DIR", help="A pushed model: one version, or all, of which the newest."
        ),
    ],
    name: Annotated[str, typer.Option("--format", metavar="FORMAT", help="tflite, onnx or keras.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", help="Where to.", show_default="model-VERSION.FORMAT, here"
        ),
    ] = None,
    quantization: Annotated[
        str,
        typer.Option("--quantize", metavar="KIND", help="none; of tflite also float16 or int8."),
    ] = "none",
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help=DATA_HELP,
            show_default="the photos of the run that pushed the model",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file if there is one.")
    ] = False,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Write a pushed model for another runtime, and check that it answers the same there."""
    from components.model_export.formats import find_format
    from components.serving.model_folder import read_classes, version_folder

    with reported(debug, on_error=_print_failure if as_json else None):
        # All that can be wrong without TensorFlow, whose import takes seconds.
        kind = find_format(name, quantization)
        version = version_folder(Path(model_dir))
        read_classes(version)
        file = output or Path(_default_name(version, kind, quantization))
        _check_output(file, kind, force)
        photos = _photos(version, data)
        with quiet_tensorflow():
            exported = _exported(version, file, kind, quantization, photos)
        found = _as_json(exported, name, quantization)
        if as_json:
            typer.echo(json.dumps(found, ensure_ascii=False))
        else:
            _print(found)


def _default_name(version: Path, kind: ExportFormat, quantization: str) -> str:
    suffix = "" if quantization == "none" else f"-{quantization}"
    return f"model-{version.resolve().name}{suffix}{kind.suffix}"


def _check_output(file: Path, kind: ExportFormat, force: bool) -> None:
    named = printable(str(file))
    if file.suffix != kind.suffix:
        raise ConfigError(f"--output {named}: the name of such a file ends in {kind.suffix}.")
    if not file.parent.is_dir() or not os.access(file.parent, os.W_OK) or file.is_dir():
        raise ConfigError(f"--output {named}: name a file in a folder that you may write to.")
    if file.exists() and not force:
        raise ConfigError(
            f"--output {named}: there is one already; name another file, or replace it with "
            "--force."
        )


def _photos(version: Path, data: str | None) -> Path | Survey:
    """Returns the folder of the run's examples, or what was found in a data folder."""
    if data is None:
        from components.serving.versions import run_id_of
        from pipelines.folders import OutputFolders
        from review.run_examples import find_examples

        # A version that was withdrawn lies a folder deeper.
        outputs = [OutputFolders(root) for root in version.resolve().parents[1:3]]
        return find_examples(version, run_id_of(version), outputs)
    from components.dataset.options import SurveyOptions

    return surveyed(data, SurveyOptions())


def _exported(
    version: Path, file: Path, kind: ExportFormat, quantization: str, photos: Path | Survey
) -> Exported:
    from components.model_export.export import export_model
    from components.model_export.photos import DataPhotos, RunPhotos

    source = RunPhotos(photos) if isinstance(photos, Path) else DataPhotos(photos)
    return export_model(version, file, kind=kind, quantization=quantization, photos=source)


def _as_json(exported: Exported, name: str, quantization: str) -> dict[str, Any]:
    return {
        "file": str(exported.file),
        "format": name,
        "quantization": quantization,
        "size_mb": round(exported.size_mb, 3),
        "model_size_mb": round(exported.model_size_mb, 3),
        "size_ratio": round(exported.size_mb / exported.model_size_mb, 4),
        "photos": exported.agreement.photos,
        "same_labels": exported.agreement.same_labels,
        "max_difference": exported.agreement.max_difference,
        "error": None,
    }


def _print(found: dict[str, Any]) -> None:
    typer.echo(
        f"Exported    {found['file']}\n"
        f"Size        {found['size_mb']:.1f} MB, {found['size_ratio']:.0%} of the SavedModel's "
        f"{found['model_size_mb']:.1f} MB\n"
        f"Agreement   {found['same_labels']:.1%} of {found['photos']} evaluation photos get the "
        f"same label; probabilities differ by {found['max_difference']:.2g} at most"
    )


def _print_failure(message: str) -> None:
    typer.echo(json.dumps({"error": message}, ensure_ascii=False))
