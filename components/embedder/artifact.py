"""The Embeddings artifact: what lies where, and under which key rows can be used again.

    manifest.json                          what the rows were made of
    Split-<split>/view-<n>-<shard>.tfrecord    a row for each photo, in view n
    Split-<split>/index-<shard>.tfrecord       digest, source and label of each photo

A row is a tf.Example with `digest`, `label`, `embedding` (float32, raw bytes) and, where the
disk budget allows, `activations` (float16, raw bytes): the tensor at the cut.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.types.artifact import Artifact

from components.artifact_file import write_whole
from schemas.errors import PipelineError

DIGEST = "digest"
EMBEDDING = "embedding"
ACTIVATIONS = "activations"

_MANIFEST = "manifest.json"
_DIGEST_BYTES = 32  # SHA-256.
_SOURCE_BYTES = 8
_LABEL_AT = _DIGEST_BYTES + _SOURCE_BYTES

# Rows read at a time: bounds memory where they hold activations as well.
_ROWS_AT_A_TIME = 64


class Embeddings(Artifact):
    """The outputs of a frozen backbone for every photo of every split."""

    TYPE_NAME = "Embeddings"


@dataclass(frozen=True)
class Recipe:
    """All that decides what a row holds, apart from the photo.

    Attributes:
        backbone: its name in keras.applications.
        weights: SHA-256 of the file of its weights, or `none`.
        image_size: pixels on each side.
        cut: name of the layer whose output is kept, or "" if none is.
        views: changed views of each training photo, beside the photo itself.
        augmentation: as a dict, with its seed.
        code: digest of the code that makes rows.
    """

    backbone: str
    weights: str
    image_size: int
    cut: str
    views: int
    augmentation: dict[str, Any]
    code: str

    @property
    def key(self) -> str:
        """SHA-256 of the recipe in hex: rows under equal keys are interchangeable."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """What an artifact holds.

    Attributes:
        recipe: what its rows were made of.
        embedding_shape: without the batch.
        activations_shape: without the batch; empty if activations are not kept.
    """

    recipe: Recipe
    embedding_shape: list[int]
    activations_shape: list[int]

    def write(self, folder: str) -> None:
        """Writes it as the last file of an artifact: one without it is not complete."""
        write_whole(manifest_file(folder), json.dumps(asdict(self), indent=2, sort_keys=True))


def manifest_file(folder: str) -> str:
    """Returns where the manifest of an artifact lies."""
    return os.path.join(folder, _MANIFEST)


def read_manifest(folder: str) -> Manifest:
    """Reads the manifest of an artifact.

    Raises:
        PipelineError: if the folder holds none, or one of another version.
    """
    try:
        with tf.io.gfile.GFile(manifest_file(folder)) as stream:
            values = json.load(stream)
        recipe = Recipe(**values["recipe"])
        return Manifest(recipe, values["embedding_shape"], values["activations_shape"])
    except (tf.errors.OpError, ValueError, TypeError, KeyError) as error:
        raise PipelineError(
            f"{folder} holds no complete embeddings; run Embedder again."
        ) from error


def view_files(folder: str, split: str, view: int | None = None) -> list[str]:
    """Lists the files with the rows of a split, in one view or in all, in a fixed order."""
    wanted = "*" if view is None else f"{view:02d}"
    pattern = os.path.join(folder, f"Split-{split}", f"view-{wanted}-*.tfrecord")
    return sorted(tf.io.gfile.glob(pattern))


def view_prefix(folder: str, split: str, view: int) -> str:
    """Returns how the names of a view's files begin."""
    return os.path.join(folder, f"Split-{split}", f"view-{view:02d}")


def index_prefix(folder: str, split: str) -> str:
    """Returns how the names of a split's index files begin."""
    return os.path.join(folder, f"Split-{split}", "index")


def index_record(digest: bytes, source: int, label: bytes) -> bytes:
    """Returns a record of an index.

    Args:
        digest: SHA-256 of the transformed photo, raw.
        source: hash of the file it was made of, `schemas.features.SOURCE_XF`.
        label: name of its class, UTF-8.
    """
    return digest + source.to_bytes(_SOURCE_BYTES, "big") + label


def read_index(folder: str, split: str) -> list[tuple[bytes, str]]:
    """Returns digest and label of each photo of a split; some 40 bytes a photo."""
    records = _index_records(folder, split)
    return [(record[:_DIGEST_BYTES], record[_LABEL_AT:].decode()) for record in records]


def read_sources(folder: str, split: str) -> dict[int, bytes]:
    """Returns the digest of the photo that was made of each file of a split, by its hash.

    Files may differ where the photos they make do not: a digest may be there more than once.
    """
    return {
        int.from_bytes(record[_DIGEST_BYTES:_LABEL_AT], "big"): record[:_DIGEST_BYTES]
        for record in _index_records(folder, split)
    }


def read_embeddings(folder: str, split: str) -> Iterator[tuple[bytes, np.ndarray]]:
    """Yields digest and embedding of each photo of a split, unchanged: float32 (channels,)."""
    spec = {name: tf.io.FixedLenFeature([], tf.string) for name in (DIGEST, EMBEDDING)}
    batches = (
        tf.data.TFRecordDataset(view_files(folder, split, 0))
        .batch(_ROWS_AT_A_TIME)
        .map(lambda rows: tf.io.parse_example(rows, spec))
        .as_numpy_iterator()
    )
    for batch in batches:
        for digest, embedding in zip(batch[DIGEST], batch[EMBEDDING], strict=True):
            yield digest, np.frombuffer(embedding, np.float32)


def _index_records(folder: str, split: str) -> Iterator[bytes]:
    files = sorted(tf.io.gfile.glob(index_prefix(folder, split) + "-*"))
    yield from tf.data.TFRecordDataset(files).as_numpy_iterator()
