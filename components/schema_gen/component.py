"""The SchemaGen component: its inputs, outputs and properties."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, channel, component_spec, standard_artifacts

from components.schema_gen.executor import CODE_DIGEST_KEY, SCHEMA_KEY, STATISTICS_KEY, Executor


class SchemaGenSpec(component_spec.ComponentSpec):
    """Inputs, outputs and properties of SchemaGen."""

    PARAMETERS = {CODE_DIGEST_KEY: component_spec.ExecutionParameter(type=str)}
    INPUTS = {
        STATISTICS_KEY: component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics)
    }
    OUTPUTS = {SCHEMA_KEY: component_spec.ChannelParameter(type=standard_artifacts.Schema)}


class SchemaGen(base_component.BaseComponent):
    """Gives the curated schema of `schemas.image_example`, with the classes of the training photos.

    TFX's SchemaGen infers what these very photos have: values that no photo may have would pass,
    and so would a class that only the evaluation split has.

    Example:
        schema_gen = SchemaGen(statistics=statistics_gen.outputs["statistics"])
        schema = schema_gen.outputs["schema"]
    """

    SPEC_CLASS = SchemaGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, *, statistics: BaseChannel, code_digest: str = "") -> None:
        """Builds the component.

        Args:
            statistics: of all splits.
            code_digest: of the code that the executor runs; a change re-runs it.
        """
        super().__init__(
            SchemaGenSpec(
                statistics=statistics,
                code_digest=code_digest,
                schema=channel.Channel(type=standard_artifacts.Schema),
            )
        )
