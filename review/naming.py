"""Says in a few words what an artifact is, where its type and number alone say little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from review.examples import example_gen_behind
from review.history import History
from review.records import Artifact

_MEASURED_FILE = "measured.json"
_SURVEY_FILE = "survey.json"
_QUARANTINE_OUTPUT = "quarantine"
_ACCURACY = "accuracy"


def known_as(history: History, artifact: Artifact) -> str:
    """Returns what an artifact is, such as `99 train, 23 eval photos`; empty if that is not known.

    Args:
        history: of its store.
        artifact: itself.
    """
    say = _NAMES.get(artifact.type)
    return say(history, artifact) if say else ""


def _examples(history: History, artifact: Artifact) -> str:
    gen = example_gen_behind(history, artifact.id)
    ids = gen.outputs.get(_QUARANTINE_OUTPUT, ()) if gen else ()
    counts: Counter[str] = Counter()
    for quarantine in history.artifacts(ids).values():
        classes = (history.files.read_object(quarantine, _SURVEY_FILE) or {}).get("classes")
        for splits in classes.values() if isinstance(classes, dict) else ():
            for split, count in splits.items() if isinstance(splits, dict) else ():
                counts[split] += count if isinstance(count, int) else 0
    parts = [f"{count} {split}" for split, count in sorted(counts.items(), reverse=True)]
    return f"{', '.join(parts)} photos" if parts else ""


def _embeddings(history: History, artifact: Artifact) -> str:
    photos, reused = (artifact.properties.get(key) for key in ("photos", "photos_reused"))
    return "" if photos is None else f"{photos} photos, {reused or 0} reused"


def _suspicions(history: History, artifact: Artifact) -> str:
    count = artifact.properties.get("suspicions")
    return "" if count is None else f"{count} to look at"


def _model(history: History, artifact: Artifact) -> str:
    return str(artifact.properties.get("stage", ""))


def _evaluation(history: History, artifact: Artifact) -> str:
    measured = history.files.read_object(artifact, _MEASURED_FILE) or {}
    metrics = measured.get("metrics")
    accuracy = metrics.get(_ACCURACY) if isinstance(metrics, dict) else None
    return f"accuracy {accuracy:.1%}" if isinstance(accuracy, float) else ""


def _blessing(history: History, artifact: Artifact) -> str:
    if artifact.properties.get("blessed") is None:
        return ""
    return "blessed" if artifact.is_blessed else "not blessed"


def _pushed(history: History, artifact: Artifact) -> str:
    if not artifact.is_pushed:
        return "not pushed"
    place = artifact.destination
    return f"version {PurePosixPath(place).name}" if place else "pushed"


_NAMES: Mapping[str, Callable[[History, Artifact], str]] = {
    "Examples": _examples,
    "Embeddings": _embeddings,
    "LabelSuspicions": _suspicions,
    "Model": _model,
    "ModelEvaluation": _evaluation,
    "ModelBlessing": _blessing,
    "InfraBlessing": _blessing,
    "PushedModel": _pushed,
}
