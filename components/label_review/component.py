"""The LabelReview component: its inputs, outputs and properties."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, channel, component_spec, standard_artifacts

from components.embedder.artifact import Embeddings
from components.label_review.artifact import LabelSuspicions
from components.label_review.executor import (
    CODE_DIGEST_KEY,
    EMBEDDINGS_KEY,
    EXAMPLES_KEY,
    SEED_KEY,
    SUSPICIONS_KEY,
    Executor,
)


class LabelReviewSpec(component_spec.ComponentSpec):
    """Inputs, outputs and properties of LabelReview."""

    PARAMETERS = {
        SEED_KEY: component_spec.ExecutionParameter(type=int),
        CODE_DIGEST_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        EMBEDDINGS_KEY: component_spec.ChannelParameter(type=Embeddings),
    }
    OUTPUTS = {SUSPICIONS_KEY: component_spec.ChannelParameter(type=LabelSuspicions)}


class LabelReview(base_component.BaseComponent):
    """Lists the labels that do not fit what the backbone sees, for a person to look at.

    Nothing depends on it: photos are learnt from under the labels they have.

    Example:
        label_review = LabelReview(
            examples=example_gen.outputs["examples"],
            embeddings=embedder.outputs["embeddings"],
            seed=42,
        )
    """

    SPEC_CLASS = LabelReviewSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self, *, examples: BaseChannel, embeddings: BaseChannel, seed: int, code_digest: str = ""
    ) -> None:
        """Builds the component.

        Args:
            examples: from ImageExampleGen: they have the paths.
            embeddings: from Embedder, of the same photos.
            seed: of the folds.
            code_digest: of the code that runs; another one makes it run again.
        """
        super().__init__(
            LabelReviewSpec(
                examples=examples,
                embeddings=embeddings,
                seed=seed,
                code_digest=code_digest,
                suspicions=channel.Channel(type=LabelSuspicions),
            )
        )
