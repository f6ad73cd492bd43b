"""Finds the model that a new one must not fall behind."""

from __future__ import annotations

import os
from itertools import islice
from typing import Any

from tfx import types
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.dsl.io import fileio
from tfx.utils import path_utils

from components.model_artifact import classes_of
from schemas import serving

MODEL_KEY = "model"
MODEL_BLESSING_KEY = "model_blessing"
CANDIDATE_KEY = "candidate"

# Custom properties that TFX's Evaluator writes on a ModelBlessing.
_CURRENT_MODEL_ID = "current_model_id"
_BLESSED = "blessed"


class LatestOtherBlessedModelStrategy(ResolverStrategy):
    """Resolves the latest blessed model that is not the candidate itself and knows its classes.

    TFX's LatestBlessedModelStrategy gives, when nothing changed, the candidate as its own
    baseline: Evaluator then sees a new input and runs again, on every second run. A model that
    lacks a class had another task, and TFMA no number for the label of such a photo.
    """

    def resolve_artifacts(
        self, store: Any, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]]:
        """Picks from the models and blessings of the pipeline.

        Args:
            store: not used.
            input_dict: under `model` and `model_blessing` all of the pipeline, under
                `candidate` the model just trained.

        Returns:
            One model and its blessing, or none of each.
        """
        del store
        blessings = {
            blessing.get_int_custom_property(_CURRENT_MODEL_ID): blessing
            for blessing in input_dict[MODEL_BLESSING_KEY]
            if blessing.get_int_custom_property(_BLESSED) == 1
        }
        candidates = {model.id for model in input_dict[CANDIDATE_KEY]}
        wanted = set().union(*map(_classes, input_dict[CANDIDATE_KEY]))
        latest_first = sorted(input_dict[MODEL_KEY], key=lambda model: model.id, reverse=True)
        eligible = (
            model
            for model in latest_first
            if model.id in blessings and model.id not in candidates and wanted <= _classes(model)
        )
        chosen = list(islice(eligible, 1))
        return {
            MODEL_KEY: chosen,
            MODEL_BLESSING_KEY: [blessings[model.id] for model in chosen],
            CANDIDATE_KEY: input_dict[CANDIDATE_KEY],
        }


def _classes(model: types.Artifact) -> set[str]:
    """Returns the classes that a model knows; none if it is not there any more."""
    folder = path_utils.serving_model_path(model.uri)
    file = os.path.join(folder, "assets", serving.CLASSES_ASSET)
    return set(classes_of(folder)) if fileio.exists(file) else set()
