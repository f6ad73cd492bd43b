"""Reads, measures and serializes each photo of a data folder, in a Beam pipeline."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.types import artifact_utils, standard_component_specs

from components.image_example_gen.photos import (
    Listing,
    Photo,
    Problem,
    check_photos,
    photo_of,
    photo_paths,
    problem_of,
    problem_with,
    read_photo,
    read_photos,
    split_key,
)
from components.image_example_gen.quarantine import write_quarantine
from components.transform.preprocessing import decode
from schemas import features

QUARANTINE_KEY = "quarantine"
EVAL_FRACTION_KEY = "eval_fraction"
SPLIT_SEED_KEY = "split_seed"
MAX_PIXELS_KEY = "max_pixels"
MAX_BAD_FRACTION_KEY = "max_bad_fraction"
CODE_DIGEST_KEY = "code_digest"

_PROBLEMS = "problems"
_PROBLEMS_PREFIX_KEY = "_problems_prefix"


class Executor(BaseExampleGenExecutor):
    """TFX's base ExampleGen executor over photos in class folders."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the examples of each split, and the list of files that were set aside.

        Raises:
            DataError: if too many files were set aside, or too few photos are left.
        """
        prefix = os.path.join(self._get_tmp_dir(), _PROBLEMS)
        exec_properties[_PROBLEMS_PREFIX_KEY] = prefix
        super().Do(input_dict, output_dict, exec_properties)
        problems = _read_problems(prefix)
        write_quarantine(artifact_utils.get_single_uri(output_dict[QUARANTINE_KEY]), problems)
        if problems:
            _check_rest(problems, exec_properties)

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
    read = _ReadPhoto(folder, exec_properties[SPLIT_SEED_KEY], exec_properties[MAX_PIXELS_KEY])
    read_all = (
        pipeline
        | "ListPhotos" >> beam.Create(photo_paths(folder))
        | "Reshuffle" >> beam.Reshuffle()
        | "ReadPhoto" >> beam.ParDo(read).with_outputs(_PROBLEMS, main="examples")
    )
    _ = (
        read_all[_PROBLEMS]
        | "ProblemsToJson" >> beam.Map(lambda problem: json.dumps(asdict(problem)))
        | "WriteProblems" >> beam.io.WriteToText(exec_properties[_PROBLEMS_PREFIX_KEY])
    )
    return read_all["examples"]


class _ReadPhoto(beam.DoFn):
    def __init__(self, folder: str, seed: int, max_pixels: int) -> None:
        self._folder = folder
        self._seed = seed
        self._max_pixels = max_pixels

    def process(self, path: str) -> Iterator[Any]:
        content = read_photo(self._folder, path)
        photo = photo_of(path, content)
        reason = problem_with(content, self._max_pixels)
        if not reason:
            try:
                pixels = decode(tf.constant(content)).numpy()
            except tf.errors.InvalidArgumentError:
                reason = "cannot be decoded"
        if reason:
            yield beam.pvalue.TaggedOutput(_PROBLEMS, problem_of(photo, reason, content))
        else:
            yield _example(photo, content, pixels, self._seed)


def _check_rest(problems: list[Problem], exec_properties: dict[str, Any]) -> None:
    folder = exec_properties[standard_component_specs.INPUT_BASE_KEY]
    bad = {problem.path for problem in problems}
    listing = read_photos(folder, exec_properties[MAX_PIXELS_KEY])
    photos = [photo for photo in listing.photos if photo.path not in bad]
    check_photos(
        folder,
        Listing(photos, problems),
        eval_fraction=exec_properties[EVAL_FRACTION_KEY],
        seed=exec_properties[SPLIT_SEED_KEY],
        max_bad_fraction=exec_properties[MAX_BAD_FRACTION_KEY],
    )


def _example(photo: Photo, content: bytes, pixels: Any, seed: int) -> tf.train.Example:
    height, width, _ = pixels.shape
    key = split_key(photo.digest, seed)
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                features.IMAGE: _bytes(content),
                features.LABEL: _bytes(photo.label.encode()),
                features.PATH: _bytes(photo.path.encode()),
                features.SPLIT_KEY: _bytes(key.encode()),
                features.WIDTH: _int(width),
                features.HEIGHT: _int(height),
                features.ASPECT: _float(width / height),
                features.BRIGHTNESS: _float(float(pixels.mean()) / 255),
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


def _read_problems(prefix: str) -> list[Problem]:
    problems: list[Problem] = []
    for shard in tf.io.gfile.glob(prefix + "*"):
        with tf.io.gfile.GFile(shard) as lines:
            problems.extend(Problem(**json.loads(line)) for line in lines)
    return sorted(problems, key=lambda problem: problem.path)
