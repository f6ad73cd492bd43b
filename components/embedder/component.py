"""The Embedder component: its inputs, outputs and properties."""

from __future__ import annotations

import json
from typing import Any

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import BaseChannel, channel, component_spec, standard_artifacts

from components.embedder.artifact import Embeddings
from components.embedder.executor import (
    CONFIG_KEY,
    EMBEDDINGS_KEY,
    EXAMPLES_KEY,
    STATISTICS_KEY,
    Executor,
)


class EmbedderSpec(component_spec.ComponentSpec):
    """Inputs, outputs and properties of Embedder."""

    PARAMETERS = {CONFIG_KEY: component_spec.ExecutionParameter(type=str)}
    INPUTS = {
        EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        STATISTICS_KEY: component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
    }
    OUTPUTS = {EMBEDDINGS_KEY: component_spec.ChannelParameter(type=Embeddings)}


class Embedder(base_beam_component.BaseBeamComponent):
    """Runs the frozen backbone over every photo once, and over changed views of those to train on.

    What does not change between epochs, between runs with another head or learning rate, and
    between runs with some photos more, is computed once.

    Example:
        embedder = Embedder(
            examples=transform.outputs["transformed_examples"],
            statistics=statistics_gen.outputs["statistics"],
            config={...},
        )
        embeddings = embedder.outputs["embeddings"]
    """

    SPEC_CLASS = EmbedderSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self, *, examples: BaseChannel, statistics: BaseChannel, config: dict[str, Any]
    ) -> None:
        """Builds the component.

        Args:
            examples: from Transform.
            statistics: of the same photos; tells how many there are.
            config: `backbone`, `weights`, `image_size`, `views` (changed views of each
                training photo), `augmentation` (fields of `Augmentation`), `fine_tune_from`
                (see `find_cut`), `max_disk_gb` (for activations) and `code_digest`.
        """
        super().__init__(
            EmbedderSpec(
                examples=examples,
                statistics=statistics,
                config=json.dumps(config, sort_keys=True),
                embeddings=channel.Channel(type=Embeddings),
            )
        )
