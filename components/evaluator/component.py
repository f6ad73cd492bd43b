"""The Evaluator component: its inputs, outputs and properties."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import BaseChannel, channel, component_spec, standard_artifacts

from components.evaluator.executor import (
    BASELINE_MODEL_KEY,
    BLESSING_KEY,
    CODE_DIGEST_KEY,
    EVALUATION_KEY,
    EXAMPLES_KEY,
    MODEL_KEY,
    SLICES_KEY,
    SPLIT_KEY,
    THRESHOLDS_KEY,
    Executor,
)


class EvaluatorSpec(component_spec.ComponentSpec):
    """Inputs, outputs and properties of Evaluator."""

    PARAMETERS = {
        SPLIT_KEY: component_spec.ExecutionParameter(type=str),
        SLICES_KEY: component_spec.ExecutionParameter(type=str),
        THRESHOLDS_KEY: component_spec.ExecutionParameter(type=str),
        CODE_DIGEST_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        BASELINE_MODEL_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Model, optional=True
        ),
    }
    OUTPUTS = {
        EVALUATION_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        BLESSING_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class Evaluator(base_beam_component.BaseBeamComponent):
    """Measures a model beside the latest blessed one, and blesses it if it is good enough.

    The artifacts are those of TFX's Evaluator; the evaluation also holds what each model says of
    each photo (`answers*.parquet`) and all numbers with their intervals (`measured.json`).

    Example:
        evaluator = Evaluator(
            examples=example_gen.outputs["examples"],
            model=trainer.outputs["model"],
            baseline_model=resolver.outputs["model"],
            split="eval",
            slices=["brightness", "size"],
            thresholds={"accuracy": {"min": 0.8, "max_drop": 0.01}, "slices": {...}},
        )
        blessing = evaluator.outputs["blessing"]
    """

    SPEC_CLASS = EvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        examples: BaseChannel,
        model: BaseChannel,
        baseline_model: BaseChannel,
        split: str,
        slices: Sequence[str],
        thresholds: Mapping[str, Mapping[str, Any]],
        code_digest: str = "",
    ) -> None:
        """Builds the component.

        Args:
            examples: from ImageExampleGen.
            model: from Trainer.
            baseline_model: from a Resolver; an empty channel: no comparison.
            split: of the examples, to evaluate with.
            slices: some of `components.evaluator.slices.SLICES`.
            thresholds: as in `components.evaluator.eval_config.eval_config`.
            code_digest: of the code that runs; another one makes it run again.
        """
        super().__init__(
            EvaluatorSpec(
                examples=examples,
                model=model,
                baseline_model=baseline_model,
                split=split,
                slices=json.dumps(list(slices)),
                thresholds=json.dumps(thresholds, sort_keys=True),
                code_digest=code_digest,
                evaluation=channel.Channel(type=standard_artifacts.ModelEvaluation),
                blessing=channel.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
