"""`warmstart evaluate`: measures a pushed model on any labelled photos."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.data_survey import surveyed
from cli.errors import Debug, reported
from cli.options import DATA_HELP, AsJsonObject
from cli.photo_progress import photo_progress
from cli.quiet import quiet_tensorflow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.dataset.survey import Photo, Problem
    from components.evaluator.measured import Measured


def evaluate(
    model_dir: Annotated[
        str,
        typer.Argument(
            metavar="MODEL_DIR", help="A pushed model: one version, or all, of which the newest."
        ),
    ],
    data: Annotated[str, typer.Argument(metavar="DATA", help=DATA_HELP)],
    split: Annotated[
        str | None,
        typer.Option(
            "--split", metavar="NAME", help="Only its photos, such as test.", show_default="all"
        ),
    ] = None,
    baseline_dir: Annotated[
        str | None,
        typer.Option(
            "--baseline", metavar="MODEL_DIR", help="Compare with this model on the same photos."
        ),
    ] = None,
    min_accuracy: Annotated[
        float | None,
        typer.Option(
            "--min-accuracy", min=0, max=1, help="Exit 1 if the accuracy is below, such as 0.9."
        ),
    ] = None,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Measure a pushed model on labelled photos, as the pipeline does on its evaluation photos."""
    with reported(debug, on_error=_print_failure if as_json else None):
        from components.serving.model_folder import version_folder

        # All mistakes are found before TensorFlow is imported, which takes seconds.
        model = version_folder(Path(model_dir))
        baseline = version_folder(Path(baseline_dir)) if baseline_dir else None
        measured, set_aside = _measured(model, data, split, baseline)
        measured = replace(measured, reasons=_missed(measured, min_accuracy))
        if as_json:
            found = _as_json(str(model), measured, set_aside)
            typer.echo(json.dumps(found, ensure_ascii=False))
        else:
            from cli.evaluation_summary import print_evaluation

            print_evaluation(str(model), measured, set_aside)
        if measured.reasons:
            raise typer.Exit(1)


def _measured(
    model: Path, data: str, split: str | None, baseline: Path | None
) -> tuple[Measured, list[Problem]]:
    from components.dataset.options import SurveyOptions
    from components.dataset.summary import set_aside
    from components.evaluator.labelled_photos import check_comparable, photos_to_ask
    from components.serving.model_folder import read_classes

    classes = read_classes(model)
    if baseline:
        check_comparable(classes, read_classes(baseline), str(baseline))
    options = SurveyOptions()
    survey = surveyed(data, options)
    photos = photos_to_ask(data, survey, classes=classes, split=split)
    measured, unreadable = _asked(photos, survey.root, model, baseline)
    return measured, [*set_aside(survey, options), *unreadable]


def _asked(
    photos: Sequence[Photo], root: str, folder: Path, baseline: Path | None
) -> tuple[Measured, list[Problem]]:
    with quiet_tensorflow() as stderr:
        from components.evaluator.measuring import measure
        from components.evaluator.pushed_answers import ask
        from components.evaluator.slices import SLICES, slices_of
        from components.serving.pushed_model import PushedModel

        model = PushedModel(folder)
        other = PushedModel(baseline) if baseline else None
        total = len(photos) * (2 if other else 1)
        with photo_progress("Asking the model", total, stderr) as progress:
            asked = ask(photos, root, model=model, baseline=other, progress=progress)
        measured = measure(asked.answers, slices_of(asked.answers, SLICES))
    return measured, asked.unreadable


def _missed(measured: Measured, min_accuracy: float | None) -> list[str]:
    from components.evaluator.metrics import ACCURACY

    accuracy = measured.metrics[ACCURACY] or 0
    if min_accuracy is None or accuracy >= min_accuracy:
        return []
    below = min_accuracy - accuracy
    return [f"accuracy {accuracy:.3f} is {below:.3f} below --min-accuracy = {min_accuracy:g}"]


def _as_json(model: str, measured: Measured, set_aside: Sequence[Problem]) -> dict[str, Any]:
    """Returns what `--json` prints.

    Returns:
        model: the folder of the version that was asked;
        photos, metrics, intervals, confusion, classes, slices, baseline, reasons: as in
            `components.evaluator.measured.Measured`, which is `measured.json` of a run;
        quarantined: files that were not asked about: path, class, reason, bytes;
        error: None; of an evaluation that failed the sentence, and nothing else is there.
    """
    return {
        "model": model,
        **asdict(measured),
        "quarantined": [
            {"path": p.path, "class": p.label, "reason": p.reason, "bytes": p.size}
            for p in set_aside
        ],
        "error": None,
    }


def _print_failure(message: str) -> None:
    typer.echo(json.dumps({"error": message}, ensure_ascii=False))
