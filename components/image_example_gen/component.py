"""The ImageExampleGen component: its inputs, outputs and properties."""

from __future__ import annotations

from tfx.components.example_gen import utils
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.proto import example_gen_pb2
from tfx.types import channel, component_spec, standard_artifacts, standard_component_specs

from components.image_example_gen.driver import Driver
from components.image_example_gen.executor import CODE_DIGEST_KEY, SPLIT_SEED_KEY, Executor
from components.image_example_gen.photos import SPLIT_BUCKETS, eval_buckets
from schemas import features


class ImageExampleGenSpec(standard_component_specs.FileBasedExampleGenSpec):
    """That of TFX's FileBasedExampleGen, with the seed of the split."""

    PARAMETERS = {
        **standard_component_specs.FileBasedExampleGenSpec.PARAMETERS,
        SPLIT_SEED_KEY: component_spec.ExecutionParameter(type=int),
        CODE_DIGEST_KEY: component_spec.ExecutionParameter(type=str),
    }


class ImageExampleGen(FileBasedExampleGen):
    """Turns a folder of class folders into tf.Examples, split into train and eval.

    Each example holds the encoded photo, its label (the folder's name), its path and a few
    numbers about it: see `schemas.features`. The split of a photo is a hash of its content and
    the seed, so that adding photos never moves another one.

    Example:
        example_gen = ImageExampleGen(input_base="photos", eval_fraction=0.2, split_seed=42)
        statistics_gen = StatisticsGen(examples=example_gen.outputs["examples"])
    """

    SPEC_CLASS = ImageExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self, input_base: str, *, eval_fraction: float, split_seed: int, code_digest: str = ""
    ) -> None:
        """Builds the component.

        Args:
            input_base: the data folder.
            eval_fraction: share of the photos for evaluation, between 0 and 1.
            split_seed: another seed gives another division.
            code_digest: of the code that the executor runs; a change re-runs it.
        """
        spec = ImageExampleGenSpec(
            input_base=input_base,
            input_config=utils.make_default_input_config(),
            output_config=_output_config(eval_buckets(eval_fraction)),
            output_data_format=example_gen_pb2.FORMAT_TF_EXAMPLE,
            output_file_format=example_gen_pb2.FORMAT_TFRECORDS_GZIP,
            examples=channel.Channel(type=standard_artifacts.Examples),
            **{SPLIT_SEED_KEY: split_seed, CODE_DIGEST_KEY: code_digest},
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
