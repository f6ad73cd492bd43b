"""The Trainer component: TFX's, with embeddings as one more input."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import (
    BaseChannel,
    channel,
    component_spec,
    standard_artifacts,
    standard_component_specs,
)
from tfx.utils import json_utils

from components.embedder.artifact import Embeddings
from components.trainer.executor import EMBEDDINGS_KEY, Executor

_RUN_FN = "components.trainer.run_fn.run_fn"


class TrainerSpec(standard_component_specs.TrainerSpec):
    """TFX's, with embeddings."""

    INPUTS = {
        **standard_component_specs.TrainerSpec.INPUTS,
        EMBEDDINGS_KEY: component_spec.ChannelParameter(type=Embeddings),
    }


class Trainer(base_component.BaseComponent):
    """Trains a head on embeddings, then the upper layers of the backbone with it.

    Example:
        trainer = Trainer(
            examples=transform.outputs["transformed_examples"],
            transform_graph=transform.outputs["transform_graph"],
            embeddings=embedder.outputs["embeddings"],
            custom_config={...},
        )
        model = trainer.outputs["model"]
    """

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        embeddings: BaseChannel,
        custom_config: dict[str, Any],
    ) -> None:
        """Builds the component.

        Args:
            examples: from Transform.
            transform_graph: from Transform.
            embeddings: from Embedder.
            custom_config: the fields of `run_fn.TrainConfig`, and `code_digest`.
        """
        super().__init__(
            TrainerSpec(
                examples=examples,
                transform_graph=transform_graph,
                embeddings=embeddings,
                train_args=trainer_pb2.TrainArgs(),
                eval_args=trainer_pb2.EvalArgs(),
                run_fn=_RUN_FN,
                custom_config=json_utils.dumps(custom_config),
                model=channel.Channel(type=standard_artifacts.Model),
                model_run=channel.Channel(type=standard_artifacts.ModelRun),
            )
        )
