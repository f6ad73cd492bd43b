"""The photos that an exported model is checked with, and an int8 one is calibrated with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import tensorflow as tf

from components.dataset.image_file import as_graph_reads, quiet_pillow
from components.dataset.storage import joined, read_bytes
from components.dataset.survey import Survey
from schemas import features
from schemas.errors import DataError, printable

_SEED = 0


class PhotoSource(Protocol):
    """Where photos come from."""

    def read(self, split: str, at_most: int) -> list[bytes]:
        """Returns photos of a split as files that the served graph decodes.

        Args:
            split: `schemas.features.TRAIN` or `EVAL`.
            at_most: if there are more, as many of each class as there are.

        Raises:
            DataError: if there are none.
        """


class RunPhotos:
    """The photos of a run: the raw examples that the model was trained and evaluated with."""

    def __init__(self, examples: Path) -> None:
        """Takes an Examples artifact of ImageExampleGen, by its folder."""
        self._examples = examples

    def read(self, split: str, at_most: int) -> list[bytes]:
        """See `PhotoSource.read`."""
        records = self._records(split)
        chosen = set(choose([self._value(record, features.LABEL) for record in records], at_most))
        photos = [
            self._value(record, features.IMAGE)
            for number, record in enumerate(records)
            if number in chosen
        ]
        if not photos:
            raise DataError(
                f"{printable(str(self._examples))} holds no {split} photos any more; give photos "
                "with --data, or run the pipeline again."
            )
        return photos

    def _records(self, split: str) -> tf.data.TFRecordDataset:
        files = sorted(str(file) for file in (self._examples / f"Split-{split}").glob("*"))
        return tf.data.TFRecordDataset(files, "GZIP")

    def _value(self, record: tf.Tensor, feature: str) -> bytes:
        spec = {feature: tf.io.FixedLenFeature([], tf.string)}
        return bytes(tf.io.parse_single_example(record, spec)[feature].numpy())


class DataPhotos:
    """The photos of a data folder."""

    def __init__(self, survey: Survey) -> None:
        """Takes what was found in the folder."""
        self._survey = survey

    def read(self, split: str, at_most: int) -> list[bytes]:
        """See `PhotoSource.read`."""
        photos = [photo for photo in self._survey.photos if photo.split == split]
        if not photos:
            raise DataError(
                f"--data {printable(self._survey.root)} holds no photos for {split}; give more "
                "photos of each class."
            )
        chosen = choose([photo.label for photo in photos], at_most)
        with quiet_pillow():
            return [self._content(photos[number].path) for number in chosen]

    def _content(self, path: str) -> bytes:
        place = joined(self._survey.root, path)
        try:
            return as_graph_reads(read_bytes(place))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{printable(place)} changed while it was read ({error}); run again."
            ) from error


def choose(labels: Sequence[object], at_most: int) -> list[int]:
    """Chooses photos at random, equally many of each class as far as there are; always the same.

    Args:
        labels: the class of each photo.
        at_most: how many are chosen.

    Returns:
        Numbers of photos, ascending.
    """
    seen: Counter[object] = Counter()
    ranked: list[tuple[int, int]] = []
    for position, number in enumerate(np.random.default_rng(_SEED).permutation(len(labels))):
        label = labels[number]
        ranked.append((seen[label] * len(labels) + position, int(number)))
        seen[label] += 1
    return sorted(number for _, number in sorted(ranked)[:at_most])
