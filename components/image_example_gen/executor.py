"""Turns each photo of a data folder into an example, in a Beam pipeline."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.io import WriteToTFRecord
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.components.example_gen.write_split import DEFAULT_FILE_NAME, MaybeSerialize
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from components.dataset.checks import check_survey
from components.dataset.image_file import as_graph_reads, as_png, quiet_pillow
from components.dataset.options import SurveyOptions
from components.dataset.storage import joined, read_bytes
from components.dataset.summary import set_aside, summary
from components.dataset.survey import Photo, Survey, survey
from components.image_example_gen.fingerprint import FINGERPRINT_KEY
from components.image_example_gen.output_config import output_config
from components.image_example_gen.quarantine import (
    write_applied,
    write_photos,
    write_quarantine,
    write_survey,
)
from components.transform.preprocessing import decode
from components.worker_errors import as_raised_in_worker
from schemas import features
from schemas.corrections import from_property
from schemas.errors import DataError, PipelineError, printable

QUARANTINE_KEY = "quarantine"
CORRECTIONS_KEY = "corrections"
CODE_DIGEST_KEY = "code_digest"

_SURVEY_KEY = "_survey"

# Photos that are decoded at once, in parallel.
_BATCH_SIZE = 32

_OUT_OF_MEMORY = (MemoryError, tf.errors.ResourceExhaustedError)


class Executor(BaseExampleGenExecutor):
    """TFX's base ExampleGen executor over the photos of a data folder."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the examples of each split, and the list of files that were set aside.

        What it writes is of the photos that the driver's fingerprint is of, or nothing is: TFX's
        cache would give it to every later run on the photos of the fingerprint.

        Raises:
            DataError: if a classifier cannot be trained on these photos, or they change meanwhile.
            PipelineError: if there is too little memory to decode them.
        """
        data = exec_properties[standard_component_specs.INPUT_BASE_KEY]
        options = SurveyOptions(**{f.name: exec_properties[f.name] for f in fields(SurveyOptions)})
        corrections = from_property(exec_properties[CORRECTIONS_KEY])
        found = survey(data, options, corrections=corrections)
        # There is none where no driver was run.
        if found.fingerprint != exec_properties.get(FINGERPRINT_KEY, found.fingerprint):
            raise _changed(data, "other photos than a moment ago")
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
        (examples,) = output_dict[standard_component_specs.EXAMPLES_KEY]
        with as_raised_in_worker(), self._make_beam_pipeline() as pipeline:
            splits = self.GenerateExamplesByBeam(pipeline, properties)
            examples.split_names = artifact_utils.encode_split_names(list(splits))
            for split, of_split in splits.items():
                folder = artifact_utils.get_split_uri([examples], split)
                _ = of_split | f"WriteSplit[{split}]" >> _WriteSplit(folder)
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)

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
    # The classes are mixed, as who trains reads a part of them at a time.
    photos = sorted(found.photos, key=lambda photo: photo.digest)
    batches = [photos[n : n + _BATCH_SIZE] for n in range(0, len(photos), _BATCH_SIZE)]
    return (
        pipeline
        | "ListPhotos" >> beam.Create(batches)
        | "Reshuffle" >> beam.Reshuffle()
        | "ReadPhotos" >> beam.ParDo(ReadPhotos(found.root))
    )


@beam.ptransform_fn
@beam.typehints.with_input_types(tf.train.Example)
def _WriteSplit(examples: beam.PCollection, folder: str) -> beam.PCollection:  # noqa: N802
    """Writes as TFX's WriteSplit does, but for its shuffle: in memory, that holds all photos."""
    return (
        examples
        | "Serialize" >> beam.ParDo(MaybeSerialize())
        | "Write"
        >> WriteToTFRecord(os.path.join(folder, DEFAULT_FILE_NAME), file_name_suffix=".gz")
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
            DataError: if a photo is not there any more, or another one.
            PipelineError: if there is too little memory to decode them.
        """
        contents = [self._read(photo) for photo in photos]
        with quiet_pillow():
            try:
                readable = self._as_the_graph_decodes(photos, contents)
            except _OUT_OF_MEMORY as error:
                raise _too_little_memory(self._root, photos) from error
        for photo, content in zip(photos, readable, strict=True):
            yield _example(photo, content)

    def _read(self, photo: Photo) -> bytes:
        place = joined(self._root, photo.path)
        try:
            content = read_bytes(place)
        except OSError as error:
            raise _changed(place, error.strerror or "cannot be read") from error
        if hashlib.sha256(content).hexdigest() != photo.digest:
            raise _changed(place, "other content than a moment ago")
        return content

    def _as_the_graph_decodes(
        self, photos: Sequence[Photo], contents: Sequence[bytes]
    ) -> list[bytes]:
        readable = [
            self._converted(as_graph_reads, photo, content)
            for photo, content in zip(photos, contents, strict=True)
        ]
        try:
            _check_decodes(tf.constant(readable))
        except tf.errors.InvalidArgumentError:
            return [
                self._converted(_that_decodes, photo, content)
                for photo, content in zip(photos, readable, strict=True)
            ]
        return readable

    def _converted(self, convert: Callable[[bytes], bytes], photo: Photo, content: bytes) -> bytes:
        try:
            return convert(content)
        except ValueError as error:
            place = printable(joined(self._root, photo.path))
            raise DataError(
                f"{place} could be decoded before, and cannot be now ({error}); run again, or "
                "remove it."
            ) from error


def _too_little_memory(root: str, photos: Sequence[Photo]) -> PipelineError:
    largest = max(photos, key=lambda photo: photo.seen.width * photo.seen.height)
    return PipelineError(
        f"Memory runs out where {len(photos)} photos are decoded, the largest of them "
        f"{printable(joined(root, largest.path))} with {largest.seen.width} x "
        f"{largest.seen.height} pixels; lower engine.workers, or data.max_pixels to set such "
        "photos aside."
    )


def _changed(place: str, what: str) -> DataError:
    return DataError(
        f"{printable(place)} changed while it was read ({what}); run the same command again when "
        "nothing writes there."
    )


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
