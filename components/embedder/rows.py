"""Makes the rows of embeddings: a model handler for Beam's RunInference, and the row format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from apache_beam.ml.inference.base import ModelHandler

from components.backbone.cut import Cut, split_at
from components.backbone.loading import load_backbone, preprocess
from components.embedder.artifact import ACTIVATIONS, DIGEST, EMBEDDING
from components.embedder.augmentation import Augmentation, augment, photo_identities
from components.out_of_memory import ShrinkingBatches
from schemas import features

# Photos a model sees at once. Fixed, because the last bits of a sum depend on it; fewer only where
# memory runs out. Activations of 8 photos at 160 pixels stay in a CPU's cache, which 32 do not; a
# GPU wants more.
_BATCH_SIZE_CPU = 8
_BATCH_SIZE_GPU = 64
_VIEWS_AT_A_TIME = 2


@dataclass(frozen=True)
class Photo:
    """A photo to embed.

    Attributes:
        digest: SHA-256 of `encoded`, raw.
        label: name of its class, UTF-8.
        encoded: the resized photo as PNG, from Transform.
        source: hash of the file that it was made of, from Transform.
    """

    digest: bytes
    label: bytes
    encoded: bytes
    source: int


@dataclass(frozen=True)
class EmbeddingModelSpec:
    """What a worker needs to build the model.

    Attributes:
        backbone: its name in keras.applications.
        weights: as in the configuration.
        image_size: pixels on each side.
        cut: whose tensor is kept, or None to keep embeddings alone.
    """

    backbone: str
    weights: str
    image_size: int
    cut: Cut | None


@dataclass(frozen=True)
class EmbeddingModel:
    """What a worker keeps.

    Attributes:
        embed: from `embedding_function`.
        batches: how many photos it can be asked about at once.
    """

    embed: Any
    batches: ShrinkingBatches


class EmbeddingHandler(ModelHandler[Photo, list[bytes], EmbeddingModel]):
    """Runs the backbone over photos and their views; the same code on one machine and many."""

    def __init__(self, model: EmbeddingModelSpec, views: int, augmentation: Augmentation) -> None:
        """Describes the work; the model is built by each worker.

        Args:
            model: what to build.
            views: changed views of each photo, beside the photo itself.
            augmentation: how views are changed.
        """
        batch_size = _BATCH_SIZE_GPU if tf.config.list_physical_devices("GPU") else _BATCH_SIZE_CPU
        super().__init__(min_batch_size=batch_size, max_batch_size=batch_size)
        self._model = model
        self._views = views
        self._augmentation = augmentation

    def load_model(self) -> EmbeddingModel:
        """Builds the backbone."""
        return EmbeddingModel(
            embedding_function(self._model, self._augmentation), ShrinkingBatches()
        )

    def run_inference(
        self,
        batch: Sequence[Photo],
        model: EmbeddingModel,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterable[list[bytes]]:
        """Returns for each photo its rows, one a view.

        Raises:
            PipelineError: if there is not memory enough for a single photo.
        """
        return model.batches.ask(lambda photos: self._rows(photos, model.embed), batch)

    def _rows(self, photos: Sequence[Photo], embed: Any) -> list[list[bytes]]:
        encoded = tf.constant([photo.encoded for photo in photos])

        def view_of(view: int) -> tuple[np.ndarray, np.ndarray | None]:
            embeddings, kept = embed(encoded, tf.constant(view))
            return embeddings.numpy(), None if kept is None else kept.numpy()

        # Decoding and changing photos take one core each: the next view keeps the others busy.
        with ThreadPoolExecutor(_VIEWS_AT_A_TIME) as pool:
            arrays = list(pool.map(view_of, range(self._views + 1)))
        return [
            [
                _row(photo, embeddings[index], None if kept is None else kept[index])
                for embeddings, kept in arrays
            ]
            for index, photo in enumerate(photos)
        ]

    def get_num_bytes(self, batch: Sequence[Photo]) -> int:
        """Returns the size of the photos; Beam would pickle them to find out."""
        return sum(len(photo.encoded) for photo in batch)


@lru_cache(maxsize=1)
def built_backbone(name: str, weights: str, image_size: int) -> keras.Model:
    """Builds a backbone once in a process, for the executor and its in-memory workers."""
    return load_backbone(name, weights, image_size)


@lru_cache(maxsize=1)
def embedding_function(spec: EmbeddingModelSpec, augmentation: Augmentation) -> Any:
    """Returns the function from encoded photos to embeddings, traced once for all splits.

    It takes string (batch,), PNG files, and an int (), the view; it gives float32
    (batch, channels) and, if the spec has a cut, float16 (batch, …), else None.
    """
    backbone = built_backbone(spec.backbone, spec.weights, spec.image_size)
    lower, upper = split_at(backbone, spec.cut) if spec.cut else (None, backbone)
    size = spec.image_size

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([], tf.int32)])
    def embed(encoded: tf.Tensor, view: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        photos = tf.map_fn(
            lambda png: tf.ensure_shape(tf.io.decode_png(png, channels=3), (size, size, 3)),
            encoded,
            fn_output_signature=tf.TensorSpec((size, size, 3), tf.uint8),
        )
        viewed = augment(photos, photo_identities(encoded), view, augmentation)
        prepared = preprocess(spec.backbone, viewed)
        if lower is None:
            return upper(prepared, training=False), None
        kept = lower(prepared, training=False)
        return upper(kept, training=False), tf.cast(kept, tf.float16)

    return embed


def relabelled(row: bytes, label: bytes) -> bytes:
    """Returns a row with another label."""
    example = tf.train.Example.FromString(row)
    example.features.feature[features.LABEL].bytes_list.value[0] = label
    return bytes(example.SerializeToString())


def digest_of(row: bytes) -> bytes:
    """Returns the digest of the photo of a row."""
    example = tf.train.Example.FromString(row)
    return bytes(example.features.feature[DIGEST].bytes_list.value[0])


def _row(photo: Photo, embedding: np.ndarray, activations: np.ndarray | None) -> bytes:
    values: Mapping[str, bytes] = {
        DIGEST: photo.digest,
        features.LABEL: photo.label,
        EMBEDDING: embedding.tobytes(),
        **({} if activations is None else {ACTIVATIONS: activations.tobytes()}),
    }
    feature = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in values.items()
    }
    return bytes(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
