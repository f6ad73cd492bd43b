"""What the resolvers of the chain find, by the class of their strategy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from components.distribution_validator.latest_other import latest_other
from components.evaluator.latest_blessed import latest_other_blessed
from pipelines.plan.records import Artifacts, Records
from schemas import serving


def _statistics(records: Records, known: Artifacts) -> Artifacts:
    chosen = latest_other(
        records.live("ExampleStatistics"), known.get("statistics", ()), os.path.exists
    )
    return {"statistics": [chosen] if chosen else [], "current": known.get("statistics", ())}


def _blessed_model(records: Records, known: Artifacts) -> Artifacts:
    candidates = known.get("model", ())
    found = latest_other_blessed(
        records.live("Model"), records.live("ModelBlessing"), candidates, classes_of=_classes
    )
    return {
        "model": [found[0]] if found else [],
        "model_blessing": [found[1]] if found else [],
        "candidate": candidates,
    }


# Each from the records, and the outputs of this run that the resolver is given.
LOOK_UPS: dict[str, Callable[[Records, Artifacts], Artifacts]] = {
    "components.distribution_validator.baseline.LatestOtherStatisticsStrategy": _statistics,
    "components.evaluator.baseline.LatestOtherBlessedModelStrategy": _blessed_model,
}


def _classes(uri: str) -> set[str]:
    file = Path(uri, serving.SAVED_MODEL_FOLDER, "assets", serving.CLASSES_ASSET)
    try:
        return set(json.loads(file.read_bytes()))
    except FileNotFoundError:
        return set()
