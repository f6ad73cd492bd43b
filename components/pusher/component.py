"""The Pusher component: TFX's, with what travels with a version as further inputs."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import pusher_pb2
from tfx.types import (
    BaseChannel,
    channel,
    component_spec,
    standard_artifacts,
    standard_component_specs,
)

from components.pusher.executor import (
    EVALUATION_KEY,
    KEEP_KEY,
    REPORT_KEY,
    STATISTICS_KEY,
    Executor,
)
from components.report_gen.artifact import Report


class PusherSpec(standard_component_specs.PusherSpec):
    """TFX's, with an evaluation, a report, statistics, and how many versions are kept."""

    PARAMETERS = {
        **standard_component_specs.PusherSpec.PARAMETERS,
        KEEP_KEY: component_spec.ExecutionParameter(type=int),
    }
    INPUTS = {
        **standard_component_specs.PusherSpec.INPUTS,
        EVALUATION_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        REPORT_KEY: component_spec.ChannelParameter(type=Report),
        STATISTICS_KEY: component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
    }


class Pusher(base_component.BaseComponent):
    """Puts a model that passed Evaluator and ServingValidator where it is served from.

    Example:
        pusher = Pusher(
            model=trainer.outputs["model"],
            model_blessing=evaluator.outputs["blessing"],
            infra_blessing=serving_validator.outputs["blessing"],
            about={
                "evaluation": evaluator.outputs["evaluation"],
                "report": report_gen.outputs["report"],
                "statistics": statistics_gen.outputs["statistics"],
            },
            push_destination=...,
            keep=5,
        )
    """

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        model: BaseChannel,
        model_blessing: BaseChannel,
        infra_blessing: BaseChannel,
        about: dict[str, BaseChannel],
        push_destination: pusher_pb2.PushDestination,
        keep: int,
    ) -> None:
        """Builds the component.

        Args:
            model: from Trainer.
            model_blessing: from Evaluator.
            infra_blessing: from ServingValidator.
            about: what is known of the model: `evaluation`, from Evaluator, whose accuracy is
                recorded with the version; `report`, from ReportGen, whose model card and numbers
                travel with it, as do those of the training photos in `statistics`, from
                StatisticsGen.
            push_destination: a folder of this machine.
            keep: versions that stay there, at least 1.
        """
        super().__init__(
            PusherSpec(
                model=model,
                model_blessing=model_blessing,
                infra_blessing=infra_blessing,
                **about,
                push_destination=push_destination,
                keep=keep,
                pushed_model=channel.Channel(type=standard_artifacts.PushedModel),
            )
        )
