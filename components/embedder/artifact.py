"""The Embeddings artifact: what lies where, and under which key rows can be used again.

    manifest.json                          what the rows were made of
    Split-<split>/view-<n>-<shard>.tfrecord    a row for each photo, in view n
    Split-<split>/index-<shard>.tfrecord       the digest, then the label, of each photo

A row is a tf.Example with `digest`, `label`, `embedding` (float32, raw bytes) and, where the
disk budget allows, `activations` (float16, raw bytes): the tensor at the cut.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from typing import Any

import tensorflow as tf
from tfx.types.artifact import Artifact

from schemas.errors import PipelineError

DIGEST = "digest"
EMBEDDING = "embedding"
ACTIVATIONS = "activations"

_MANIFEST = "manifest.json"
_DIGEST_BYTES = 32  # SHA-256.


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
        file = manifest_file(folder)
        with tf.io.gfile.GFile(file + ".partial", "w") as stream:
            stream.write(json.dumps(asdict(self), indent=2, sort_keys=True))
        tf.io.gfile.rename(file + ".partial", file)


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


def read_index(folder: str, split: str) -> list[tuple[bytes, str]]:
    """Returns digest and label of each photo of a split; some 40 bytes a photo."""
    files = sorted(tf.io.gfile.glob(index_prefix(folder, split) + "-*"))
    records = tf.data.TFRecordDataset(files).as_numpy_iterator()
    return [(record[:_DIGEST_BYTES], record[_DIGEST_BYTES:].decode()) for record in records]
