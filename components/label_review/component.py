"""The LabelReview component: its inputs, outputs and properties."""

from __future__ import annotations

from collections.abc import Iterable

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, channel, component_spec, standard_artifacts

from components.embedder.artifact import Embeddings
from components.image_example_gen.artifact import Quarantine
from components.label_review.artifact import LabelSuspicions
from components.label_review.executor import (
    CODE_DIGEST_KEY,
    CORRECTIONS_KEY,
    EMBEDDINGS_KEY,
    EXAMPLES_KEY,
    QUARANTINE_KEY,
    SEED_KEY,
    SUSPICIONS_KEY,
    Executor,
)
from schemas.corrections import LEAVE_OUT, Correction, as_property


class LabelReviewSpec(component_spec.ComponentSpec):
    """Inputs, outputs and properties of LabelReview."""

    PARAMETERS = {
        SEED_KEY: component_spec.ExecutionParameter(type=int),
        CORRECTIONS_KEY: component_spec.ExecutionParameter(type=str),
        CODE_DIGEST_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        EMBEDDINGS_KEY: component_spec.ChannelParameter(type=Embeddings),
        QUARANTINE_KEY: component_spec.ChannelParameter(type=Quarantine),
    }
    OUTPUTS = {SUSPICIONS_KEY: component_spec.ChannelParameter(type=LabelSuspicions)}


class LabelReview(base_component.BaseComponent):
    """Lists the labels that do not fit what the backbone sees, for a person to look at.

    Nothing depends on it: photos are learnt from under the labels they have.

    Example:
        label_review = LabelReview(
            examples=example_gen.outputs["examples"],
            embeddings=embedder.outputs["embeddings"],
            quarantine=example_gen.outputs["quarantine"],
            seed=42,
        )
    """

    SPEC_CLASS = LabelReviewSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        examples: BaseChannel,
        embeddings: BaseChannel,
        quarantine: BaseChannel,
        seed: int,
        corrections: Iterable[Correction] = (),
        code_digest: str = "",
    ) -> None:
        """Builds the component.

        Args:
            examples: from ImageExampleGen: they have the paths.
            embeddings: from Embedder, of the same photos.
            quarantine: from ImageExampleGen: it has the content's digest of each path.
            seed: of the folds.
            corrections: labels that a person decided are not listed, as long as they are the same.
            code_digest: of the code that runs; another one makes it run again.
        """
        super().__init__(
            LabelReviewSpec(
                examples=examples,
                embeddings=embeddings,
                quarantine=quarantine,
                seed=seed,
                corrections=as_property(one for one in corrections if one.decision != LEAVE_OUT),
                code_digest=code_digest,
                suspicions=channel.Channel(type=LabelSuspicions),
            )
        )
