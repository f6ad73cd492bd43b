"""What the Trainer wrote of its stages: how each epoch went, and which stage was kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from review.files import ArtifactFiles
from review.records import Artifact

_FILE = "training.json"
_MOST = 1 << 53


@dataclass(frozen=True)
class Stage:
    """A stage of training.

    Attributes:
        name: such as `frozen`.
        kept: whether its model is the one that was kept.
        epoch: the best one, counted from 0 over all stages, or None.
        accuracy: of that epoch on the evaluation photos, or None.
        loss: likewise.
        history: of each number, its value in each epoch of the stage; `val_` stands before those
            of the evaluation photos.
    """

    name: str
    kept: bool
    epoch: int | None
    accuracy: float | None
    loss: float | None
    history: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def stages_in(files: ArtifactFiles, model_run: Artifact) -> list[Stage]:
    """Returns the stages in a ModelRun artifact; none where they are not recorded or gone."""
    training = files.read_object(model_run, _FILE) or {}
    stages = training.get("stages")
    found = stages if isinstance(stages, list) else []
    return [_stage(stage, training.get("kept")) for stage in found if isinstance(stage, dict)]


def _stage(stage: Mapping[str, Any], kept: Any) -> Stage:
    name, epoch, history = stage.get("name"), stage.get("epoch"), stage.get("history")
    return Stage(
        name=str(name),
        kept=name == kept,
        epoch=epoch if type(epoch) is int else None,
        accuracy=_number(stage.get("accuracy")),
        loss=_number(stage.get("loss")),
        history={
            metric: tuple(numbers)
            for metric, values in (history.items() if isinstance(history, dict) else ())
            if isinstance(values, list)
            and len(numbers := [n for n in map(_number, values) if n is not None]) == len(values)
        },
    )


def _number(value: Any) -> float | None:
    # A number of a thousand digits is none that was measured.
    plain = isinstance(value, float) or (type(value) is int and abs(value) < _MOST)
    return float(value) if plain else None
