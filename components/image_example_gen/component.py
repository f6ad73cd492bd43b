"""The ImageExampleGen component: its inputs, outputs and properties."""

from __future__ import annotations

from tfx.components.example_gen import utils
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.proto import example_gen_pb2
from tfx.types import channel, component_spec, standard_artifacts, standard_component_specs

from components.image_example_gen.driver import Driver
from components.image_example_gen.executor import (
    CODE_DIGEST_KEY,
    EVAL_FRACTION_KEY,
    MAX_BAD_FRACTION_KEY,
    MAX_PIXELS_KEY,
    QUARANTINE_KEY,
    SPLIT_SEED_KEY,
    Executor,
)
from components.image_example_gen.photos import (
    MAX_BAD_FRACTION,
    MAX_PIXELS,
    SPLIT_BUCKETS,
    eval_buckets,
)
from components.image_example_gen.quarantine import Quarantine
from schemas import features


class ImageExampleGenSpec(standard_component_specs.FileBasedExampleGenSpec):
    """That of TFX's FileBasedExampleGen, with quarantine and the seed of the split."""

    PARAMETERS = {
        **standard_component_specs.FileBasedExampleGenSpec.PARAMETERS,
        EVAL_FRACTION_KEY: component_spec.ExecutionParameter(type=float),
        SPLIT_SEED_KEY: component_spec.ExecutionParameter(type=int),
        MAX_PIXELS_KEY: component_spec.ExecutionParameter(type=int),
        MAX_BAD_FRACTION_KEY: component_spec.ExecutionParameter(type=float),
        CODE_DIGEST_KEY: component_spec.ExecutionParameter(type=str),
    }
    OUTPUTS = {
        **standard_component_specs.FileBasedExampleGenSpec.OUTPUTS,
        QUARANTINE_KEY: component_spec.ChannelParameter(type=Quarantine),
    }


class ImageExampleGen(FileBasedExampleGen):
    """Turns a folder of class folders into tf.Examples, split into train and eval.

    Each example holds the encoded photo, its label (the folder's name), its path and a few
    numbers about it: see `schemas.features`. The split of a photo is a hash of its content and
    the seed, so that adding photos never moves another one. Files that cannot be used do not
    stop it: they are listed, with the reason, in the output `quarantine`.

    Example:
        example_gen = ImageExampleGen(input_base="photos", eval_fraction=0.2, split_seed=42)
        statistics_gen = StatisticsGen(examples=example_gen.outputs["examples"])
    """

    SPEC_CLASS = ImageExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        input_base: str,
        *,
        eval_fraction: float,
        split_seed: int,
        max_pixels: int = MAX_PIXELS,
        max_bad_fraction: float = MAX_BAD_FRACTION,
        code_digest: str = "",
    ) -> None:
        """Builds the component.

        Args:
            input_base: the data folder.
            eval_fraction: share of the photos for evaluation, between 0 and 1.
            split_seed: another seed gives another division.
            max_pixels: a photo with more is set aside before it is decoded.
            max_bad_fraction: share of files set aside above which the component fails.
            code_digest: of the code that the executor runs; a change re-runs it.
        """
        spec = ImageExampleGenSpec(
            input_base=input_base,
            input_config=utils.make_default_input_config(),
            output_config=_output_config(eval_buckets(eval_fraction)),
            output_data_format=example_gen_pb2.FORMAT_TF_EXAMPLE,
            output_file_format=example_gen_pb2.FORMAT_TFRECORDS_GZIP,
            examples=channel.Channel(type=standard_artifacts.Examples),
            **{
                QUARANTINE_KEY: channel.Channel(type=Quarantine),
                EVAL_FRACTION_KEY: eval_fraction,
                SPLIT_SEED_KEY: split_seed,
                MAX_PIXELS_KEY: max_pixels,
                MAX_BAD_FRACTION_KEY: max_bad_fraction,
                CODE_DIGEST_KEY: code_digest,
            },
        )
        # FileBasedExampleGen's own constructor knows no further properties.
        base_beam_component.BaseBeamComponent.__init__(self, spec=spec)


def _output_config(evaluation: int) -> example_gen_pb2.Output:
    split = example_gen_pb2.SplitConfig.Split
    return example_gen_pb2.Output(
        split_config=example_gen_pb2.SplitConfig(
            splits=[
                split(name=features.TRAIN, hash_buckets=SPLIT_BUCKETS - evaluation),
                split(name=features.EVAL, hash_buckets=evaluation),
            ],
            partition_feature_name=features.SPLIT_KEY,
        )
    )
