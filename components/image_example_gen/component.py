"""The ImageExampleGen component: its inputs, outputs and properties."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any, get_type_hints

from tfx.components.example_gen import utils
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.proto import example_gen_pb2
from tfx.types import channel, component_spec, standard_artifacts, standard_component_specs

from components.dataset.options import SurveyOptions
from components.dataset.splits import default_buckets
from components.image_example_gen.artifact import Quarantine
from components.image_example_gen.driver import Driver
from components.image_example_gen.executor import (
    CODE_DIGEST_KEY,
    CORRECTIONS_KEY,
    QUARANTINE_KEY,
    Executor,
)
from components.image_example_gen.output_config import output_config
from schemas.corrections import Correction, as_property


def _parameters_of_options() -> dict[str, Any]:
    types = get_type_hints(SurveyOptions)
    return {
        option.name: component_spec.ExecutionParameter(type=types[option.name])
        for option in fields(SurveyOptions)
    }


class ImageExampleGenSpec(standard_component_specs.FileBasedExampleGenSpec):
    """That of TFX's FileBasedExampleGen, with quarantine and what decides about photos."""

    PARAMETERS = {
        **standard_component_specs.FileBasedExampleGenSpec.PARAMETERS,
        **_parameters_of_options(),
        CORRECTIONS_KEY: component_spec.ExecutionParameter(type=str),
        CODE_DIGEST_KEY: component_spec.ExecutionParameter(type=str),
    }
    OUTPUTS = {
        **standard_component_specs.FileBasedExampleGenSpec.OUTPUTS,
        QUARANTINE_KEY: component_spec.ChannelParameter(type=Quarantine),
    }


class ImageExampleGen(FileBasedExampleGen):
    """Turns a folder of labelled photos into tf.Examples, split into train and eval.

    Each example holds the encoded photo, its label, its path and a few numbers about it: see
    `schemas.features`. Where the data folder gives the split it is kept, with `test` as a
    third one; else it is a hash of content and seed, so that adding photos never moves one from
    evaluation into training. What a person decided about a label goes before the data folder, and
    leaves the photo in its split. Files that cannot be used do not stop it: they are listed, with
    the reason, in the output `quarantine`.

    Example:
        example_gen = ImageExampleGen(input_base="photos")
        statistics_gen = StatisticsGen(examples=example_gen.outputs["examples"])
    """

    SPEC_CLASS = ImageExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        input_base: str,
        *,
        options: SurveyOptions | None = None,
        corrections: Iterable[Correction] = (),
        code_digest: str = "",
    ) -> None:
        """Builds the component.

        Args:
            input_base: the data folder, manifest or archive.
            options: what decides which photos are used, and in which split.
            corrections: what a person decided about photos. They are an input like the photos:
                with others it runs again, so those that change nothing are better not given.
            code_digest: of the code that the executor runs; a change re-runs it.
        """
        options = options or SurveyOptions()
        spec = ImageExampleGenSpec(
            input_base=input_base,
            input_config=utils.make_default_input_config(),
            output_config=output_config(default_buckets(options.eval_fraction)),
            output_data_format=example_gen_pb2.FORMAT_TF_EXAMPLE,
            output_file_format=example_gen_pb2.FORMAT_TFRECORDS_GZIP,
            examples=channel.Channel(type=standard_artifacts.Examples),
            **{
                QUARANTINE_KEY: channel.Channel(type=Quarantine),
                **asdict(options),
                CORRECTIONS_KEY: as_property(corrections),
                CODE_DIGEST_KEY: code_digest,
            },
        )
        # FileBasedExampleGen's own constructor knows no further properties.
        base_beam_component.BaseBeamComponent.__init__(self, spec=spec)
