"""The DistributionValidator component: its inputs, outputs and properties."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, artifact, channel, component_spec, standard_artifacts

from components.distribution_validator.executor import (
    ANOMALIES_KEY,
    BASELINE_STATISTICS_KEY,
    CODE_DIGEST_KEY,
    MAX_DRIFT_KEY,
    MAX_SKEW_KEY,
    STATISTICS_KEY,
    Executor,
)


class DistributionAnomalies(artifact.Artifact):
    """How photos differ from others; a `tfmd.Anomalies` for each pair of splits."""

    TYPE_NAME = "DistributionAnomalies"
    PROPERTIES = standard_artifacts.ExampleAnomalies.PROPERTIES


class DistributionValidatorSpec(component_spec.ComponentSpec):
    """Inputs, outputs and properties of DistributionValidator."""

    PARAMETERS = {
        MAX_SKEW_KEY: component_spec.ExecutionParameter(type=float),
        MAX_DRIFT_KEY: component_spec.ExecutionParameter(type=float),
        CODE_DIGEST_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        STATISTICS_KEY: component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        BASELINE_STATISTICS_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.ExampleStatistics, optional=True
        ),
    }
    OUTPUTS = {ANOMALIES_KEY: component_spec.ChannelParameter(type=DistributionAnomalies)}


class DistributionValidator(base_component.BaseComponent):
    """Finds skew between splits and drift since the previous run, beyond what chance makes.

    TFX's own has one threshold for a feature, whatever the number of photos: with a few
    hundred it would raise a false alarm in most runs, or see nothing. It also compares one pair of
    artifacts at a time, and no classes.

    Example:
        validator = DistributionValidator(
            statistics=statistics_gen.outputs["statistics"],
            baseline_statistics=previous.outputs["statistics"],
            max_skew=0.1,
            max_drift=0.1,
        )
        anomalies = validator.outputs["anomalies"]
    """

    SPEC_CLASS = DistributionValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        statistics: BaseChannel,
        baseline_statistics: BaseChannel | None = None,
        max_skew: float,
        max_drift: float,
        code_digest: str = "",
    ) -> None:
        """Builds the component.

        Args:
            statistics: of all splits.
            baseline_statistics: of the previous run, or none.
            max_skew: Jensen-Shannon divergence of another split from training, above which a
                difference is an anomaly, 0 to 1.
            max_drift: the same of training from the previous run's.
            code_digest: of the code that the executor runs; a change re-runs it.
        """
        super().__init__(
            DistributionValidatorSpec(
                statistics=statistics,
                baseline_statistics=baseline_statistics,
                max_skew=max_skew,
                max_drift=max_drift,
                code_digest=code_digest,
                anomalies=channel.Channel(type=DistributionAnomalies),
            )
        )
