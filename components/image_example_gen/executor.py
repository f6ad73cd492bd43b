"""Reads, measures and serializes each photo of a data folder, in a Beam pipeline."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.types import standard_component_specs

from components.image_example_gen.photos import (
    label_of,
    photo_paths,
    read_photo,
    split_key,
    unreadable_sentence,
)
from components.transform.preprocessing import decode
from schemas import features
from schemas.errors import DataError

SPLIT_SEED_KEY = "split_seed"
CODE_DIGEST_KEY = "code_digest"

_UNREADABLE = "unreadable"
_UNREADABLE_PREFIX_KEY = "_unreadable_prefix"


class Executor(BaseExampleGenExecutor):
    """TFX's base ExampleGen executor over photos in class folders."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the examples of each split.

        Raises:
            DataError: names the files that TensorFlow cannot decode, if there are any.
        """
        prefix = os.path.join(self._get_tmp_dir(), "unreadable")
        exec_properties[_UNREADABLE_PREFIX_KEY] = prefix
        super().Do(input_dict, output_dict, exec_properties)
        unreadable = _read_paths(prefix)
        if unreadable:
            folder = exec_properties[standard_component_specs.INPUT_BASE_KEY]
            raise DataError(unreadable_sentence(folder, unreadable, of=len(photo_paths(folder))))

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:
        """Returns the transform from a data folder to tf.train.Examples."""
        return _photos_to_examples


@beam.ptransform_fn
@beam.typehints.with_input_types(beam.Pipeline)
@beam.typehints.with_output_types(tf.train.Example)
def _photos_to_examples(
    pipeline: beam.Pipeline, exec_properties: dict[str, Any], split_pattern: str
) -> beam.PCollection:
    del split_pattern  # Photos are found by class folder, not by pattern.
    folder = exec_properties[standard_component_specs.INPUT_BASE_KEY]
    read = _ReadPhoto(folder, exec_properties[SPLIT_SEED_KEY])
    read_all = (
        pipeline
        | "ListPhotos" >> beam.Create(photo_paths(folder))
        | "Reshuffle" >> beam.Reshuffle()
        | "ReadPhoto" >> beam.ParDo(read).with_outputs(_UNREADABLE, main="examples")
    )
    _ = (
        read_all[_UNREADABLE]
        | "UnreadableToJson" >> beam.Map(json.dumps)
        | "WriteUnreadable" >> beam.io.WriteToText(exec_properties[_UNREADABLE_PREFIX_KEY])
    )
    return read_all["examples"]


class _ReadPhoto(beam.DoFn):
    def __init__(self, folder: str, seed: int) -> None:
        self._folder = folder
        self._seed = seed

    def process(self, path: str) -> Iterator[Any]:
        content = read_photo(self._folder, path)
        try:
            photo = decode(tf.constant(content)).numpy()
        except tf.errors.InvalidArgumentError:
            yield beam.pvalue.TaggedOutput(_UNREADABLE, path)
            return
        yield _example(path, content, photo, self._seed)


def _example(path: str, content: bytes, photo: Any, seed: int) -> tf.train.Example:
    height, width, _ = photo.shape
    key = split_key(hashlib.sha256(content).hexdigest(), seed)
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                features.IMAGE: _bytes(content),
                features.LABEL: _bytes(label_of(path).encode()),
                features.PATH: _bytes(path.encode()),
                features.SPLIT_KEY: _bytes(key.encode()),
                features.WIDTH: _int(width),
                features.HEIGHT: _int(height),
                features.ASPECT: _float(width / height),
                features.BRIGHTNESS: _float(float(photo.mean()) / 255),
                features.FILE_SIZE: _int(len(content)),
            }
        )
    )


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _int(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def _float(value: float) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))


def _read_paths(prefix: str) -> list[str]:
    paths: list[str] = []
    for shard in tf.io.gfile.glob(prefix + "*"):
        with tf.io.gfile.GFile(shard) as lines:
            paths.extend(json.loads(line) for line in lines)
    return sorted(paths)
