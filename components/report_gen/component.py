"""The ReportGen component: its inputs, outputs and properties."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, channel, component_spec, standard_artifacts

from components.distribution_validator.component import DistributionAnomalies
from components.image_example_gen.artifact import Quarantine
from components.label_review.artifact import LabelSuspicions
from components.report_gen.artifact import Report
from components.report_gen.executor import (
    ANOMALIES_KEY,
    BLESSING_KEY,
    CODE_DIGEST_KEY,
    CONFIGURATION_KEY,
    DATA_KEY,
    DISTRIBUTION_ANOMALIES_KEY,
    EVALUATION_KEY,
    EXAMPLES_KEY,
    INFRA_BLESSING_KEY,
    MODEL_KEY,
    MODEL_RUN_KEY,
    QUARANTINE_KEY,
    REPORT_KEY,
    SPLIT_KEY,
    STATISTICS_KEY,
    SUSPICIONS_KEY,
    Executor,
)


class ReportGenSpec(component_spec.ComponentSpec):
    """Inputs, outputs and properties of ReportGen."""

    PARAMETERS = {
        DATA_KEY: component_spec.ExecutionParameter(type=str),
        SPLIT_KEY: component_spec.ExecutionParameter(type=str),
        CONFIGURATION_KEY: component_spec.ExecutionParameter(type=str),
        CODE_DIGEST_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        QUARANTINE_KEY: component_spec.ChannelParameter(type=Quarantine),
        STATISTICS_KEY: component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        ANOMALIES_KEY: component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        DISTRIBUTION_ANOMALIES_KEY: component_spec.ChannelParameter(type=DistributionAnomalies),
        SUSPICIONS_KEY: component_spec.ChannelParameter(type=LabelSuspicions),
        MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        MODEL_RUN_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelRun),
        EVALUATION_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        BLESSING_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
        INFRA_BLESSING_KEY: component_spec.ChannelParameter(type=standard_artifacts.InfraBlessing),
    }
    OUTPUTS = {REPORT_KEY: component_spec.ChannelParameter(type=Report)}


class ReportGen(base_component.BaseComponent):
    """Writes what a person is to know of a model: a page, a model card, and the numbers.

    Example:
        report_gen = ReportGen(
            inputs={"examples": example_gen.outputs["examples"], ...},
            data="photos",
            split="eval",
            configuration=commented_yaml(config),
        )
        report = report_gen.outputs["report"]
    """

    SPEC_CLASS = ReportGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        inputs: dict[str, BaseChannel],
        data: str,
        split: str,
        configuration: str,
        code_digest: str = "",
    ) -> None:
        """Builds the component.

        Args:
            inputs: a channel for each input of `ReportGenSpec`.
            data: where the photos are.
            split: that the model was evaluated with.
            configuration: of the run, as commented YAML.
            code_digest: of the code that runs; another one makes it run again.
        """
        super().__init__(
            ReportGenSpec(
                **inputs,
                data=data,
                split=split,
                configuration=configuration,
                code_digest=code_digest,
                report=channel.Channel(type=Report),
            )
        )
