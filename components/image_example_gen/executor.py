"""Turns each photo of a data folder into an example, in a Beam pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from components.dataset.checks import check_survey
from components.dataset.image_file import as_graph_reads, as_png, quiet_pillow
from components.dataset.options import SurveyOptions
from components.dataset.storage import joined, read_bytes
from components.dataset.summary import set_aside, summary
from components.dataset.survey import Photo, Survey, survey
from components.image_example_gen.output_config import output_config
from components.image_example_gen.quarantine import (
    write_applied,
    write_photos,
    write_quarantine,
    write_survey,
)
from components.transform.preprocessing import decode
from schemas import features
from schemas.corrections import from_property
from schemas.errors import DataError, printable

QUARANTINE_KEY = "quarantine"
CORRECTIONS_KEY = "corrections"
CODE_DIGEST_KEY = "code_digest"

_SURVEY_KEY = "_survey"

# Photos that are decoded at once, in parallel.
_BATCH_SIZE = 32


class Executor(BaseExampleGenExecutor):
    """TFX's base ExampleGen executor over the photos of a data folder."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the examples of each split, and the list of files that were set aside.

        Raises:
            DataError: if a classifier cannot be trained on these photos.
        """
        data = exec_properties[standard_component_specs.INPUT_BASE_KEY]
        options = SurveyOptions(**{f.name: exec_properties[f.name] for f in fields(SurveyOptions)})
        corrections = from_property(exec_properties[CORRECTIONS_KEY])
        found = survey(data, options, corrections=corrections)
        check_survey(data, found, options)
        folder = artifact_utils.get_single_uri(output_dict[QUARANTINE_KEY])
        write_quarantine(folder, set_aside(found, options))
        write_photos(folder, found.photos)
        write_applied(folder, found.corrected.applied)
        write_survey(folder, summary(data, found, options))
        # Only the data folder tells whether there is a test split.
        config = proto_utils.proto_to_json(output_config(found.buckets))
        properties = {
            **exec_properties,
            standard_component_specs.OUTPUT_CONFIG_KEY: config,
            _SURVEY_KEY: found,
        }
        super().Do(input_dict, output_dict, properties)

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:
        """Returns the transform from photos to tf.train.Examples."""
        return _photos_to_examples


@beam.ptransform_fn
@beam.typehints.with_input_types(beam.Pipeline)
@beam.typehints.with_output_types(tf.train.Example)
def _photos_to_examples(
    pipeline: beam.Pipeline, exec_properties: dict[str, Any], split_pattern: str
) -> beam.PCollection:
    del split_pattern  # Photos are found by the survey, not by pattern.
    found: Survey = exec_properties[_SURVEY_KEY]
    photos = found.photos
    batches = [photos[n : n + _BATCH_SIZE] for n in range(0, len(photos), _BATCH_SIZE)]
    return (
        pipeline
        | "ListPhotos" >> beam.Create(batches)
        | "Reshuffle" >> beam.Reshuffle()
        | "ReadPhotos" >> beam.ParDo(ReadPhotos(found.root))
    )


class ReadPhotos(beam.DoFn):
    """Reads photos, and checks that TensorFlow decodes them."""

    def __init__(self, root: str) -> None:
        """Says where from.

        Args:
            root: what the paths of photos are relative to.
        """
        self._root = root

    def process(self, photos: list[Photo]) -> Iterator[tf.train.Example]:
        """Yields an example for each of some photos.

        Raises:
            DataError: if a photo is not there any more.
        """
        contents = [self._read(photo) for photo in photos]
        with quiet_pillow():
            readable = [as_graph_reads(content) for content in contents]
            try:
                _check_decodes(tf.constant(readable))
            except tf.errors.InvalidArgumentError:
                readable = [_that_decodes(content) for content in readable]
        for photo, content in zip(photos, readable, strict=True):
            yield _example(photo, content)

    def _read(self, photo: Photo) -> bytes:
        place = joined(self._root, photo.path)
        try:
            return read_bytes(place)
        except OSError as error:
            raise DataError(
                f"{printable(place)} changed while it was read ({error.strerror}); run again."
            ) from error


@tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
def _check_decodes(contents: tf.Tensor) -> tf.Tensor:
    """Fails if any of these photos does; what is decoded is dropped."""
    return tf.map_fn(
        lambda content: tf.size(decode(content)),
        contents,
        fn_output_signature=tf.int32,
        parallel_iterations=_BATCH_SIZE,
    )


def _that_decodes(content: bytes) -> bytes:
    try:
        _check_decodes(tf.constant([content]))
    except tf.errors.InvalidArgumentError:
        return as_png(content)
    return content


def _example(photo: Photo, content: bytes) -> tf.train.Example:
    seen = photo.seen
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                features.IMAGE: _bytes(content),
                features.LABEL: _bytes(photo.label.encode()),
                features.PATH: _bytes(photo.path.encode()),
                features.SPLIT_KEY: _bytes(photo.key.encode()),
                features.WIDTH: _int(seen.width),
                features.HEIGHT: _int(seen.height),
                features.ASPECT: _float(seen.width / seen.height),
                features.CHANNELS: _int(seen.channels),
                features.BRIGHTNESS: _float(seen.brightness),
                features.CONTRAST: _float(seen.contrast),
                features.SHARPNESS: _float(seen.sharpness),
                features.FILE_SIZE: _int(seen.size),
            }
        )
    )


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _int(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def _float(value: float) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
