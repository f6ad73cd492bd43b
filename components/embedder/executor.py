"""Embeds the photos of every split, reusing the rows of photos seen in an earlier run."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.ml.inference.base import RunInference
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils

from components.backbone.cut import Cut, find_cut
from components.backbone.loading import loaded_digest
from components.embedder import artifact
from components.embedder.artifact import Manifest, Recipe
from components.embedder.augmentation import Augmentation
from components.embedder.rows import (
    EmbeddingHandler,
    EmbeddingModelSpec,
    Photo,
    built_backbone,
    digest_of,
    relabelled,
)
from components.worker_errors import as_raised_in_worker
from schemas import features
from schemas.errors import PipelineError

EXAMPLES_KEY = "examples"
STATISTICS_KEY = "statistics"
EMBEDDINGS_KEY = "embeddings"
CONFIG_KEY = "config"

_FLOAT16_BYTES = 2

# Changed views of each training photo where there are fewer photos than this.
_VIEWS = ((128, 15), (256, 7))
_FEWEST_VIEWS = 3
_log = logging.getLogger(__name__)


class Executor(BaseBeamExecutor):
    """Runs the backbone over transformed examples in a Beam pipeline."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the Embeddings artifact.

        Args:
            input_dict: `examples`, from Transform; `statistics`, of the same photos.
            output_dict: `embeddings`.
            exec_properties: `config`, JSON with the keys listed in `component.Embedder`.

        Raises:
            ModelError: if the backbone or its weights cannot be used.
            ConfigError: if fine-tuning is to start at a layer that there is not.
            PipelineError: if there is not memory enough for a single photo.
        """
        config = json.loads(exec_properties[CONFIG_KEY])
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES_KEY])
        statistics = artifact_utils.get_single_instance(input_dict[STATISTICS_KEY])
        output = artifact_utils.get_single_instance(output_dict[EMBEDDINGS_KEY])
        splits = artifact_utils.decode_split_names(examples.split_names)

        photos = {split: _count(statistics, split) for split in splits}
        if config["views"] == "auto":
            config["views"] = _enough_views(photos[features.TRAIN])
        cut = _affordable_cut(config, photos)
        recipe = _recipe(config, cut)
        handler_spec = EmbeddingModelSpec(
            config["backbone"], config["weights"], config["image_size"], cut
        )
        augmentation = Augmentation(**config["augmentation"])
        previous = _previous(output.uri, recipe.key)
        with as_raised_in_worker(), self._make_beam_pipeline() as pipeline:
            for split in splits:
                views = config["views"] if split == features.TRAIN else 0
                _ = pipeline | f"Embed[{split}]" >> _EmbedSplit(
                    split,
                    examples=artifact_utils.get_split_uris([examples], split)[0],
                    output=output.uri,
                    previous=previous,
                    handler=EmbeddingHandler(handler_spec, views, augmentation),
                    views=views,
                )
        _manifest(config, recipe, cut).write(output.uri)
        _record_reuse(output, previous, splits)


class _EmbedSplit(beam.PTransform):
    """From the transformed examples of a split to the files of an Embeddings artifact."""

    def __init__(
        self,
        split: str,
        *,
        examples: str,
        output: str,
        previous: str | None,
        handler: EmbeddingHandler,
        views: int,
    ) -> None:
        super().__init__()
        self._split = split
        self._examples = examples
        self._output = output
        self._previous = previous
        self._handler = handler
        self._views = views

    def expand(self, pipeline: beam.Pipeline) -> None:
        split = self._split
        photos = (
            pipeline
            | f"Read[{split}]" >> beam.io.ReadFromTFRecord(os.path.join(self._examples, "*"))
            | f"Parse[{split}]" >> beam.Map(photo_of)
        )
        known = _reusable(self._previous, split)
        fresh = photos | f"New[{split}]" >> beam.Filter(_is_in, known, wanted=False)
        rows = fresh | f"RunInference[{split}]" >> RunInference(self._handler)
        by_view = [
            rows | f"View[{split}-{view}]" >> beam.Map(_view, view)
            for view in range(self._views + 1)
        ]
        if known and self._previous:
            labels = (
                photos
                | f"Known[{split}]" >> beam.Filter(_is_in, known, wanted=True)
                | f"Labels[{split}]" >> beam.Map(lambda photo: (photo.digest, photo.label))
                | f"ByDigest[{split}]" >> beam.GroupByKey()
            )
            by_view = [
                (made, self._reused(pipeline, self._previous, labels, view))
                | f"Merge[{split}-{view}]" >> beam.Flatten()
                for view, made in enumerate(by_view)
            ]
        for view, made in enumerate(by_view):
            prefix = artifact.view_prefix(self._output, split, view)
            _ = made | f"Write[{split}-{view}]" >> beam.io.WriteToTFRecord(
                prefix, file_name_suffix=".tfrecord"
            )
        _ = (
            photos
            | f"Index[{split}]" >> beam.Map(_index_record)
            | f"WriteIndex[{split}]"
            >> beam.io.WriteToTFRecord(
                artifact.index_prefix(self._output, split), file_name_suffix=".tfrecord"
            )
        )

    def _reused(
        self, pipeline: beam.Pipeline, previous: str, labels: beam.PCollection, view: int
    ) -> beam.PCollection:
        name = f"{self._split}-{view}"
        pattern = artifact.view_prefix(previous, self._split, view) + "-*"
        return (
            pipeline
            | f"ReadPrevious[{name}]" >> beam.io.ReadFromTFRecord(pattern)
            # Not as a multimap: Beam looks each key up with its state cache, 14 ms a row.
            | f"Reuse[{name}]" >> beam.FlatMap(_with_labels, beam.pvalue.AsDict(labels))
        )


def photo_of(record: bytes) -> Photo:
    """Returns the photo of a serialized example that Transform wrote."""
    feature = tf.train.Example.FromString(record).features.feature
    encoded = feature[features.IMAGE_XF].bytes_list.value[0]
    label = feature[features.LABEL_XF].bytes_list.value[0]
    source = feature[features.SOURCE_XF].int64_list.value[0]
    return Photo(hashlib.sha256(encoded).digest(), label, encoded, source)


def _index_record(photo: Photo) -> bytes:
    return artifact.index_record(photo.digest, photo.source, photo.label)


def _is_in(photo: Photo, known: frozenset[bytes], *, wanted: bool) -> bool:
    return (photo.digest in known) == wanted


def _view(rows: list[bytes], view: int) -> bytes:
    return rows[view]


def _with_labels(row: bytes, labels: dict[bytes, Iterable[bytes]]) -> Iterator[bytes]:
    """A photo may have gone, changed its class, or be there twice."""
    for label in labels.get(digest_of(row), ()):
        yield relabelled(row, label)


def _reusable(folder: str | None, split: str) -> frozenset[bytes]:
    """Returns the photos that an artifact has one row of; copies of a photo are embedded again."""
    if folder is None:
        return frozenset()
    counts = Counter(digest for digest, _ in artifact.read_index(folder, split))
    return frozenset(digest for digest, count in counts.items() if count == 1)


def _previous(uri: str, key: str) -> str | None:
    """Finds the newest complete artifact of this component that was made by the same recipe.

    Rows depend on nothing but recipe and photo, so it does not matter in which run they were
    made; which artifact they came from is recorded on the new one.
    """
    folder, own = os.path.split(uri.rstrip("/"))
    others = sorted(
        (int(name) for name in map(_last_part, tf.io.gfile.listdir(folder)) if name.isdecimal()),
        reverse=True,
    )
    for number in others:
        if str(number) == own:
            continue
        candidate = os.path.join(folder, str(number))
        try:
            manifest = artifact.read_manifest(candidate)
        except PipelineError:  # Not complete, or of another version.
            continue
        if manifest.recipe.key == key:
            return candidate
    return None


def _last_part(name: str) -> str:
    return name.rstrip("/")


def _count(statistics: Any, split: str) -> int:
    proto = stats_artifact_utils.load_statistics(statistics, split).proto()
    return int(proto.datasets[0].num_examples)


def _enough_views(photos: int) -> int:
    """The fewer photos, the more views of each: the head then learns from 1,000 rows or more."""
    return next((views for limit, views in _VIEWS if photos < limit), _FEWEST_VIEWS)


def _affordable_cut(config: dict[str, Any], photos: dict[str, int]) -> Cut | None:
    """Returns the cut whose activations are kept; None if none are wanted or they are too big."""
    backbone = built_backbone(config["backbone"], config["weights"], config["image_size"])
    cut = find_cut(backbone, config["fine_tune_from"])
    if cut is None or not cut.layer:
        return None
    rows = sum(
        count * (config["views"] + 1 if split == features.TRAIN else 1)
        for split, count in photos.items()
    )
    size = rows * math.prod(_activations_shape(backbone, cut)) * _FLOAT16_BYTES
    if size > config["max_disk_gb"] * 1e9:
        _log.warning(
            "Activations at %s would take %.1f GB, more than embed.max_disk_gb = %s: stage 2 "
            "computes them in every epoch instead.",
            cut.layer,
            size / 1e9,
            config["max_disk_gb"],
        )
        return None
    return cut


def _activations_shape(backbone: Any, cut: Cut) -> list[int]:
    return list(backbone.operations[cut.index].output.shape[1:])


def _recipe(config: dict[str, Any], cut: Cut | None) -> Recipe:
    return Recipe(
        backbone=config["backbone"],
        weights=loaded_digest(config["backbone"], config["weights"], config["image_size"]),
        image_size=config["image_size"],
        cut=cut.layer if cut else "",
        views=config["views"],
        augmentation=config["augmentation"],
        code=config["code_digest"],
    )


def _manifest(config: dict[str, Any], recipe: Recipe, cut: Cut | None) -> Manifest:
    backbone = built_backbone(config["backbone"], config["weights"], config["image_size"])
    return Manifest(
        recipe,
        embedding_shape=list(backbone.output_shape[1:]),
        activations_shape=_activations_shape(backbone, cut) if cut else [],
    )


def _record_reuse(output: Any, previous: str | None, splits: list[str]) -> None:
    total = reused = 0
    for split in splits:
        known = _reusable(previous, split)
        for digest, _ in artifact.read_index(output.uri, split):
            total += 1
            reused += digest in known
    output.set_int_custom_property("photos", total)
    output.set_int_custom_property("photos_reused", reused)
    if reused:
        output.set_string_custom_property("reused_from", previous)
    _log.info("embedded %d photos, reused %d of an earlier run", total - reused, reused)
