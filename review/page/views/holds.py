"""What an artifact holds, by its type: as plain data, and nothing for types that are unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from review.anomalies import anomalies_in, distances_in
from review.answers import classes_of_evaluation
from review.examples import examples_behind
from review.feature_statistics import statistics_in
from review.history import History
from review.page.charts import line_chart
from review.photo_history import TrainedModel, photos_behind
from review.records import Artifact
from review.schema_rows import schema_in, transform_in
from review.signatures import signatures_in
from review.training import Stage, stages_in

# Of the photos, files or rows of one artifact.
_MOST_SHOWN = 24
_MOST_ROWS = 200

_MEASURED_FILE = "measured.json"
_QUARANTINE_FILE = "quarantine.csv"
_SUSPICIONS_FILE = "suspicions.csv"
_MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True)
class Asked:
    """An artifact, and what is needed to look into it.

    Attributes:
        history: of its store.
        artifact: itself.
        models: of the store.
    """

    history: History
    artifact: Artifact
    models: Callable[[], list[TrainedModel]]


def held_by(asked: Asked) -> dict[str, Any] | None:
    """Returns what an artifact holds, or None where nothing is known of its type.

    Args:
        asked: the artifact.
    """
    view = _VIEWS.get(asked.artifact.type)
    return {"kind": asked.artifact.type, **view(asked)} if view else None


def drawn_of(held: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns charts of what an artifact holds."""
    curves = held.get("curves", {}) if held else {}
    return {
        "curves": {
            name: line_chart(lines, most=1.0 if name == "accuracy" else None)
            for name, lines in curves.items()
        }
    }


def _examples(asked: Asked) -> dict[str, Any]:
    found = examples_behind(asked.history, asked.artifact.id)
    if found is None:
        return {"photos": None}
    counts = Counter((photo.split, photo.label) for photo in found.photos)
    splits = sorted({split for split, _ in counts}, reverse=True)
    return {
        "photos": [asdict(photo) for photo in found.photos[:_MOST_SHOWN]],
        "count": len(found.photos),
        "splits": splits,
        "classes": [
            {"label": label, "photos": {split: counts[split, label] for split in splits}}
            for label in sorted({label for _, label in counts})
        ],
    }


def _statistics(asked: Asked) -> dict[str, Any]:
    return {"splits": [asdict(o) for o in statistics_in(asked.history.files, asked.artifact)]}


def _schema(asked: Asked) -> dict[str, Any]:
    rows = schema_in(asked.history.files, asked.artifact)
    return {"rows": None if rows is None else [asdict(row) for row in rows]}


def _transform(asked: Asked) -> dict[str, Any]:
    found = transform_in(asked.history.files, asked.artifact)
    return {"schemas": asdict(found) if found else None}


def _anomalies(asked: Asked) -> dict[str, Any]:
    files = asked.history.files
    return {
        "anomalies": [asdict(one) for one in anomalies_in(files, asked.artifact)],
        "distances": [asdict(one) for one in distances_in(files, asked.artifact)],
    }


def _embeddings(asked: Asked) -> dict[str, Any]:
    manifest = asked.history.files.read_object(asked.artifact, _MANIFEST_FILE) or {}
    recipe = manifest.get("recipe")
    return {"recipe": recipe if isinstance(recipe, dict) else {}}


def _suspicions(asked: Asked) -> dict[str, Any]:
    return _table(asked, _SUSPICIONS_FILE)


def _quarantine(asked: Asked) -> dict[str, Any]:
    return _table(asked, _QUARANTINE_FILE)


def _table(asked: Asked, name: str) -> dict[str, Any]:
    rows = asked.history.files.read_table(asked.artifact, name)
    return {"rows": None if rows is None else rows[:_MOST_ROWS], "count": len(rows or ())}


def _training(asked: Asked) -> dict[str, Any]:
    stages = stages_in(asked.history.files, asked.artifact)
    names = ("accuracy", "loss")
    return {
        "stages": [asdict(stage) for stage in stages],
        "curves": {name: lines for name in names if (lines := _curves(stages, name))},
    }


def _curves(stages: list[Stage], name: str) -> dict[str, list[float]]:
    """Joins the epochs of all stages: of the training photos, and of the evaluation photos."""
    pairs = (("training photos", name), ("evaluation photos", f"val_{name}"))
    lines = {
        label: [value for stage in stages for value in stage.history.get(key, ())]
        for label, key in pairs
    }
    return {label: values for label, values in lines.items() if values}


def _model(asked: Asked) -> dict[str, Any]:
    found = photos_behind(asked.history, asked.artifact.id, asked.models())
    return {
        "signatures": [asdict(o) for o in signatures_in(asked.history.files, asked.artifact)],
        "model": found.model.artifact.id if found else None,
        "blessed": found.model.blessed if found else None,
        "pushed_to": list(found.model.pushed_to) if found else [],
        "splits": dict(Counter(photo.split for photo in found.examples.photos)) if found else {},
        "groups": len(found.groups) if found else 0,
    }


def _evaluation(asked: Asked) -> dict[str, Any]:
    measured = asked.history.files.read_object(asked.artifact, _MEASURED_FILE) or {}
    return {
        "classes": classes_of_evaluation(asked.history, asked.artifact),
        "by_class": _rows(measured.get("classes"), "label"),
        "slices": _rows(measured.get("slices"), "feature"),
    }


def _rows(found: Any, key: str) -> list[dict[str, Any]]:
    """Returns rows of a table in JSON, as far as they are such."""
    rows = found if isinstance(found, list) else []
    return [row for row in rows if isinstance(row, dict) and key in row][:_MOST_ROWS]


def _blessing(asked: Asked) -> dict[str, Any]:
    properties = asked.artifact.properties
    told = [properties[key] for key in ("blessed", "blessing_status") if key in properties]
    return {"blessed": any(value in {1, "INFRA_BLESSED"} for value in told) if told else None}


_VIEWS: Mapping[str, Callable[[Asked], dict[str, Any]]] = {
    "Examples": _examples,
    "Quarantine": _quarantine,
    "ExampleStatistics": _statistics,
    "Schema": _schema,
    "ExampleAnomalies": _anomalies,
    "DistributionAnomalies": _anomalies,
    "TransformGraph": _transform,
    "Embeddings": _embeddings,
    "LabelSuspicions": _suspicions,
    "ModelRun": _training,
    "Model": _model,
    "PushedModel": _model,
    "ModelEvaluation": _evaluation,
    "ModelBlessing": _blessing,
    "InfraBlessing": _blessing,
    "Report": lambda asked: {},
}
