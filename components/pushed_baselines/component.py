"""The steps LatestPushedStatistics and LatestPushedModel: their inputs, outputs and properties."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, channel, component_spec, standard_artifacts

from components.pushed_baselines import lookup
from components.pushed_baselines.lookup import (
    CANDIDATE_KEY,
    CURRENT_KEY,
    MODEL_KEY,
    MODELS_KEY,
    STATISTICS_KEY,
)


class LatestPushedStatisticsSpec(component_spec.ComponentSpec):
    """Inputs, outputs and properties of LatestPushedStatistics."""

    PARAMETERS = {MODELS_KEY: component_spec.ExecutionParameter(type=str)}
    INPUTS = {
        CURRENT_KEY: component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics)
    }
    OUTPUTS = {
        STATISTICS_KEY: component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics)
    }


class LatestPushedStatistics(base_component.BaseComponent):
    """Has the statistics of the photos that the latest version on other photos learnt from.

    Example:
        latest = LatestPushedStatistics(models="/models", current=statistics_gen.outputs[...])
        statistics = latest.outputs["statistics"]
    """

    SPEC_CLASS = LatestPushedStatisticsSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(lookup.LatestPushedStatistics)

    def __init__(self, *, models: str, current: BaseChannel) -> None:
        """Builds the component.

        Args:
            models: the folder of pushed versions.
            current: the statistics of this run, which are not wanted.
        """
        super().__init__(
            LatestPushedStatisticsSpec(
                models=models,
                current=current,
                statistics=channel.Channel(type=standard_artifacts.ExampleStatistics),
            )
        )


class LatestPushedModelSpec(component_spec.ComponentSpec):
    """Inputs, outputs and properties of LatestPushedModel."""

    PARAMETERS = {MODELS_KEY: component_spec.ExecutionParameter(type=str)}
    INPUTS = {CANDIDATE_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model)}
    OUTPUTS = {MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model)}


class LatestPushedModel(base_component.BaseComponent):
    """Has the latest pushed version that is not the candidate and knows its classes.

    Example:
        latest = LatestPushedModel(models="/models", candidate=trainer.outputs["model"])
        baseline = latest.outputs["model"]
    """

    SPEC_CLASS = LatestPushedModelSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(lookup.LatestPushedModel)

    def __init__(self, *, models: str, candidate: BaseChannel) -> None:
        """Builds the component.

        Args:
            models: the folder of pushed versions.
            candidate: the model of this run, which is not wanted.
        """
        super().__init__(
            LatestPushedModelSpec(
                models=models,
                candidate=candidate,
                model=channel.Channel(type=standard_artifacts.Model),
            )
        )
