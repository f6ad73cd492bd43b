"""Which model a new one is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

# Custom properties that TFX's Evaluator writes on a ModelBlessing.
_CURRENT_MODEL_ID = "current_model_id"
_BLESSED = "blessed"


def latest_other_blessed(
    models: Iterable[Any],
    blessings: Iterable[Any],
    candidates: Sequence[Any],
    *,
    classes_of: Callable[[str], set[str]],
) -> tuple[Any, Any] | None:
    """Returns the latest blessed model that is no candidate and knows its classes.

    Args:
        models: all of the pipeline, of ML Metadata.
        blessings: the same of the blessings.
        candidates: the model just trained.
        classes_of: returns the classes that the model in an artifact's folder knows, none if it
            is not there any more.

    Returns:
        The model and its blessing, or None.
    """
    given = {
        blessing.custom_properties[_CURRENT_MODEL_ID].int_value: blessing
        for blessing in blessings
        if blessing.custom_properties[_BLESSED].int_value == 1
    }
    own = {model.id for model in candidates}
    wanted = set().union(*(classes_of(model.uri) for model in candidates))
    for model in sorted(models, key=lambda model: model.id, reverse=True):
        if model.id in given and model.id not in own and wanted <= classes_of(model.uri):
            return model, given[model.id]
    return None
