"""Finds the model that a new one must not fall behind."""

from __future__ import annotations

import os
from typing import Any

from tfx import types
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.dsl.io import fileio
from tfx.utils import path_utils

from components.evaluator.latest_blessed import latest_other_blessed
from components.model_artifact import classes_of
from schemas import serving

MODEL_KEY = "model"
MODEL_BLESSING_KEY = "model_blessing"
CANDIDATE_KEY = "candidate"


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
        models, blessings, candidates = (
            {artifact.id: artifact for artifact in input_dict[key]}
            for key in (MODEL_KEY, MODEL_BLESSING_KEY, CANDIDATE_KEY)
        )
        found = latest_other_blessed(
            *([one.mlmd_artifact for one in of.values()] for of in (models, blessings, candidates)),
            classes_of=_classes,
        )
        return {
            MODEL_KEY: [models[found[0].id]] if found else [],
            MODEL_BLESSING_KEY: [blessings[found[1].id]] if found else [],
            CANDIDATE_KEY: input_dict[CANDIDATE_KEY],
        }


def _classes(uri: str) -> set[str]:
    """Returns the classes that a model knows; none if it is not there any more."""
    folder = path_utils.serving_model_path(uri)
    file = os.path.join(folder, "assets", serving.CLASSES_ASSET)
    return set(classes_of(folder)) if fileio.exists(file) else set()
