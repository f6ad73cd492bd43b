"""The ServingValidator component: its inputs, outputs and properties."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, channel, component_spec, standard_artifacts

from components.serving_validator.executor import (
    BLESSING_KEY,
    CODE_DIGEST_KEY,
    EXAMPLES_KEY,
    MODEL_KEY,
    MODEL_RUN_KEY,
    TIMEOUT_KEY,
    Executor,
)

# Seconds that loading the largest backbones and asking them takes on a busy machine, and more.
TIMEOUT_S = 900


class ServingValidatorSpec(component_spec.ComponentSpec):
    """Inputs, outputs and properties of ServingValidator."""

    PARAMETERS = {
        TIMEOUT_KEY: component_spec.ExecutionParameter(type=int),
        CODE_DIGEST_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        MODEL_RUN_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelRun),
        EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {BLESSING_KEY: component_spec.ChannelParameter(type=standard_artifacts.InfraBlessing)}


class ServingValidator(base_component.BaseComponent):
    """Blesses a model that answers without this project as the classifier did in training.

    What TFX's InfraValidator is for, without Docker: the same InfraBlessing, which Pusher heeds.

    Example:
        serving_validator = ServingValidator(
            model=trainer.outputs["model"],
            model_run=trainer.outputs["model_run"],
            examples=example_gen.outputs["examples"],
        )
        infra_blessing = serving_validator.outputs["blessing"]
    """

    SPEC_CLASS = ServingValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        model: BaseChannel,
        model_run: BaseChannel,
        examples: BaseChannel,
        timeout_s: int = TIMEOUT_S,
        code_digest: str = "",
    ) -> None:
        """Builds the component.

        Args:
            model: from Trainer.
            model_run: from the same Trainer: what the classifier said in training.
            examples: from ImageExampleGen: photos as they are sent to a served model.
            timeout_s: seconds after which a model is refused.
            code_digest: of the code that runs; another one makes it run again.
        """
        super().__init__(
            ServingValidatorSpec(
                model=model,
                model_run=model_run,
                examples=examples,
                timeout_s=timeout_s,
                code_digest=code_digest,
                blessing=channel.Channel(type=standard_artifacts.InfraBlessing),
            )
        )
