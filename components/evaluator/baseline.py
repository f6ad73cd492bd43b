"""Finds the model that a new one must not fall behind."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.common.resolver import ResolverStrategy

MODEL_KEY = "model"
MODEL_BLESSING_KEY = "model_blessing"
CANDIDATE_KEY = "candidate"

# Custom properties that TFX's Evaluator writes on a ModelBlessing.
_CURRENT_MODEL_ID = "current_model_id"
_BLESSED = "blessed"


class LatestOtherBlessedModelStrategy(ResolverStrategy):
    """Resolves the latest blessed model that is not the candidate itself.

    TFX's LatestBlessedModelStrategy gives, when nothing changed, the candidate as its own
    baseline: Evaluator then sees a new input and runs again, on every second run.
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
        eligible = [
            model
            for model in input_dict[MODEL_KEY]
            if model.id in blessings and model.id not in candidates
        ]
        chosen = sorted(eligible, key=lambda model: model.id)[-1:]
        return {
            MODEL_KEY: chosen,
            MODEL_BLESSING_KEY: [blessings[model.id] for model in chosen],
            CANDIDATE_KEY: input_dict[CANDIDATE_KEY],
        }
