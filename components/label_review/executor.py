"""Brings paths, labels and embeddings together, and writes which labels look wrong."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils

from components.embedder.artifact import read_embeddings, read_sources
from components.image_example_gen.quarantine import read_photos
from components.label_review.embedding_file import EmbeddingFile
from components.label_review.list_files import write_embedded, write_suspicions
from components.label_review.suspicions import LabelledPhoto, review_labels
from components.transform.preprocessing import source_of
from schemas import features
from schemas.corrections import Correction, from_property
from schemas.errors import PipelineError

EXAMPLES_KEY = "examples"
EMBEDDINGS_KEY = "embeddings"
QUARANTINE_KEY = "quarantine"
SUSPICIONS_KEY = "suspicions"
SEED_KEY = "seed"
CORRECTIONS_KEY = "corrections"
CODE_DIGEST_KEY = "code_digest"

# Files read at a time: bounds memory.
_FILES_AT_A_TIME = 32

_log = logging.getLogger(__name__)


class Executor(BaseExecutor):
    """Reads examples and embeddings of all splits, and judges every label.

    What a person decided is not listed again; it is learnt from like the others.
    """

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the LabelSuspicions artifact.

        Args:
            input_dict: `examples` and `quarantine`, from ImageExampleGen; `embeddings`, of the
                same photos.
            output_dict: `suspicions`.
            exec_properties: `seed`, `corrections`, and `code_digest`, which only tells one run
                from another.

        Raises:
            PipelineError: if a photo has no embedding.
        """
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES_KEY])
        embeddings = artifact_utils.get_single_uri(input_dict[EMBEDDINGS_KEY])
        output = artifact_utils.get_single_instance(output_dict[SUSPICIONS_KEY])

        photos: list[LabelledPhoto] = []
        splits = artifact_utils.decode_split_names(examples.split_names)
        for split in splits:
            (folder,) = artifact_utils.get_split_uris([examples], split)
            photos.extend(_photos(folder, split, read_sources(embeddings, split)))
        with tempfile.TemporaryDirectory(prefix="label-review-") as scratch:
            vectors = EmbeddingFile(
                Path(scratch, "embeddings"),
                [photo.digest for photo in photos],
                chain.from_iterable(read_embeddings(embeddings, split) for split in splits),
            )
            review = review_labels(photos, vectors.rows, seed=exec_properties[SEED_KEY])
        quarantine = artifact_utils.get_single_uri(input_dict[QUARANTINE_KEY])
        decided = _decided(quarantine, from_property(exec_properties[CORRECTIONS_KEY]))
        suspicions = [one for one in review.suspicions if (one.path, one.label) not in decided]
        write_suspicions(output.uri, suspicions)
        write_embedded(output.uri, photos)
        output.set_int_custom_property("photos", len(photos))
        output.set_int_custom_property("photos_not_judged", review.not_judged)
        output.set_int_custom_property("suspicions", len(suspicions))
        output.set_int_custom_property("decided", len(review.suspicions) - len(suspicions))
        _log.info(
            "%d of %d labels look wrong; %d could not be judged; %d others were decided",
            *(len(suspicions), len(photos), review.not_judged),
            len(review.suspicions) - len(suspicions),
        )


def _decided(quarantine: str, corrections: Iterable[Correction]) -> set[tuple[str, str]]:
    """Returns path and label of the photos of which a person said that the label is right."""
    right = {(one.sha256, one.right_label) for one in corrections}
    return {
        (row["path"], row["label"])
        for row in read_photos(quarantine)
        if (row["sha256"], row["label"]) in right
    }


def _photos(folder: str, split: str, digests: dict[int, bytes]) -> Iterator[LabelledPhoto]:
    """Yields the photos of a split, each with the digest under which its embedding is kept."""
    names = (features.IMAGE, features.PATH, features.LABEL)
    spec = {name: tf.io.FixedLenFeature([], tf.string) for name in names}

    def parse(records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        parsed = tf.io.parse_example(records, spec)
        return parsed[features.PATH], parsed[features.LABEL], source_of(parsed[features.IMAGE])

    files = sorted(tf.io.gfile.glob(os.path.join(folder, "*")))
    batches = tf.data.TFRecordDataset(files, "GZIP").batch(_FILES_AT_A_TIME).map(parse)
    for paths, labels, sources in batches.as_numpy_iterator():
        for path, label, source in zip(paths, labels, sources.tolist(), strict=True):
            if source not in digests:
                raise PipelineError(
                    f"{path.decode()} has no embedding; run the pipeline again from Embedder."
                )
            yield LabelledPhoto(path.decode(), label.decode(), split, digests[source])
