"""Does again what the components of a run did: a loop where Beam was, the rest called directly.

Of components that write no more than a file or two, nothing is counted.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from tfx.orchestration import metadata
from tfx.orchestration.portable.mlmd import execution_lib
from tfx.types import artifact_utils

from components.backbone.cut import find_cut
from components.dataset.checks import check_survey
from components.dataset.options import SurveyOptions
from components.dataset.survey import survey
from components.embedder.artifact import read_manifest
from components.embedder.augmentation import Augmentation
from components.embedder.executor import CONFIG_KEY, photo_of
from components.embedder.rows import EmbeddingHandler, EmbeddingModelSpec, built_backbone
from components.evaluator import answers
from components.evaluator.executor import SLICES_KEY
from components.evaluator.inference import AnswersHandler
from components.evaluator.measuring import measure
from components.evaluator.slices import slices_of
from components.image_example_gen.executor import ReadPhotos
from components.label_review import executor as label_review
from components.model_artifact import classes_of, saved_model_folder
from components.report_gen import executor as report_gen
from components.serving_validator import executor as serving_validator
from components.trainer import executor as trainer
from components.transform.preprocessing import decode_photo, source_of
from pipelines.folders import OutputFolders
from pipelines.metadata_store import connection
from schemas import features

# What runs without Beam, and is called as TFX calls it.
_CALLED: dict[str, Any] = {
    "LabelReview": label_review.Executor,
    "Trainer": trainer.Executor,
    "ServingValidator": serving_validator.Executor,
    "ReportGen": report_gen.Executor,
}

_BATCH_SIZE = 32

# As by Embedder on a CPU.
_EMBEDDED_AT_ONCE = 8

_GZIP = tf.io.TFRecordOptions(compression_type="GZIP")


class Stages(Protocol):
    """Measures what runs in a block."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Names it."""


@dataclass(frozen=True)
class _Recorded:
    """What ML Metadata has of a component: artifacts by key, and what it was told."""

    inputs: dict[str, list[Any]]
    outputs: dict[str, list[Any]]
    properties: dict[str, Any]


def do_again(output: Path, stages: Stages) -> None:
    """Does the work of a run again, in the order of its components.

    Args:
        output: the run's, of which nothing was reused.
        stages: measures each.
    """
    recorded = _recorded(OutputFolders(output.resolve()))
    with ExitStack() as scratch:

        def folder() -> Path:
            return Path(scratch.enter_context(tempfile.TemporaryDirectory()))

        for name, work in (
            ("ImageExampleGen", _examples),
            ("StatisticsGen", _statistics),
            ("Transform", _transformed),
            ("Embedder", _embedded),
        ):
            with stages.stage(name):
                work(recorded[name], folder())
        for name in ("LabelReview", "Trainer", "ServingValidator"):
            with stages.stage(name):
                _called(name, recorded[name], folder())
        with stages.stage("Evaluator"):
            _evaluated(recorded["Evaluator"], folder())
        with stages.stage("ReportGen"):
            _called("ReportGen", recorded["ReportGen"], folder())


def _recorded(output: OutputFolders) -> dict[str, _Recorded]:
    with metadata.Metadata(connection(output)) as handle:
        types = {kind.id: kind.name for kind in handle.store.get_execution_types()}
        return {
            types[execution.type_id].rpartition(".")[2]: _Recorded(
                execution_lib.get_input_artifacts(handle, execution.id),
                execution_lib.get_output_artifacts(handle, execution.id),
                {
                    name: getattr(value, kind)
                    for name, value in execution.custom_properties.items()
                    if (kind := value.WhichOneof("value"))
                },
            )
            for execution in handle.store.get_executions()
        }


def _called(name: str, component: _Recorded, folder: Path) -> None:
    for key, artifacts in component.outputs.items():
        for artifact in artifacts:
            artifact.uri = str(folder / key)
            Path(artifact.uri).mkdir()
    _CALLED[name]().Do(component.inputs, component.outputs, dict(component.properties))


def _examples(component: _Recorded, folder: Path) -> None:
    """Looks at the photos, reads them, checks that they decode, and writes them."""
    told = component.properties
    options = SurveyOptions(**{field.name: told[field.name] for field in fields(SurveyOptions)})
    found = survey(told["input_base"], options)
    check_survey(told["input_base"], found, options)
    reader = ReadPhotos(found.root)
    for split in found.buckets:
        photos = [photo for photo in found.photos if photo.split == split]
        with tf.io.TFRecordWriter(str(folder / split), _GZIP) as writer:
            for start in range(0, len(photos), _BATCH_SIZE):
                for example in reader.process(photos[start : start + _BATCH_SIZE]):
                    writer.write(example.SerializeToString())


def _statistics(component: _Recorded, folder: Path) -> None:
    """Counts labels, and takes mean, deviation and quantiles of numbers."""
    for split, files in _splits(component.inputs["examples"]):
        columns: dict[str, list[Any]] = {}
        for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator():
            for name, value in tf.train.Example.FromString(record).features.feature.items():
                columns.setdefault(name, []).extend(getattr(value, value.WhichOneof("kind")).value)
        summaries = {
            name: dict(Counter(label.decode() for label in values))
            if name == features.LABEL
            else [np.mean(values), np.std(values), *np.quantile(values, np.linspace(0, 1, 51))]
            for name, values in columns.items()
            if name == features.LABEL or not isinstance(values[0], bytes)
        }
        (folder / split).write_text(json.dumps(summaries), encoding="utf-8")


def _transformed(component: _Recorded, folder: Path) -> None:
    """Decodes and resizes each photo, and writes it as PNG with its label and its hash."""
    size = json.loads(component.properties["custom_config"])["image_size"]
    spec = {name: tf.io.FixedLenFeature([], tf.string) for name in (features.IMAGE, features.LABEL)}

    def transformed(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        example = tf.io.parse_single_example(record, spec)
        encoded = example[features.IMAGE]
        png = tf.io.encode_png(decode_photo(encoded, size), 1)
        return png, example[features.LABEL], source_of(encoded)

    for split, files in _splits(component.inputs["examples"]):
        photos = tf.data.TFRecordDataset(files, "GZIP").map(transformed, tf.data.AUTOTUNE)
        with tf.io.TFRecordWriter(str(folder / split), _GZIP) as writer:
            for png, label, source in photos.as_numpy_iterator():
                example = tf.train.Example()
                feature = example.features.feature
                feature[features.IMAGE_XF].bytes_list.value.append(png)
                feature[features.LABEL_XF].bytes_list.value.append(label)
                feature[features.SOURCE_XF].int64_list.value.append(source)
                writer.write(example.SerializeToString())


def _embedded(component: _Recorded, folder: Path) -> None:
    """Builds the backbone, and writes what it says of each photo and view."""
    config = json.loads(component.properties[CONFIG_KEY])
    (made,) = component.outputs["embeddings"]
    recipe = read_manifest(made.uri).recipe
    built = (config["backbone"], config["weights"], config["image_size"])
    cut = find_cut(built_backbone(*built), config["fine_tune_from"]) if recipe.cut else None
    model = None
    for split, files in _splits(component.inputs["examples"]):
        views = recipe.views if split == features.TRAIN else 0
        handler = EmbeddingHandler(
            EmbeddingModelSpec(*built, cut), views, Augmentation(**config["augmentation"])
        )
        model = model or handler.load_model()
        writers = [
            tf.io.TFRecordWriter(str(folder / f"{split}-{view}")) for view in range(views + 1)
        ]
        for batch in _batches(map(photo_of, _records(files)), _EMBEDDED_AT_ONCE):
            for rows in handler.run_inference(batch, model):
                for writer, row in zip(writers, rows, strict=True):
                    writer.write(row)
        for writer in writers:
            writer.close()


def _evaluated(component: _Recorded, folder: Path) -> None:
    """Asks the model about each photo, and measures."""
    (model,) = component.inputs["model"]
    saved = saved_model_folder(model)
    handler = AnswersHandler([saved])
    loaded = handler.load_model()
    files = dict(_splits(component.inputs["examples"]))[component.properties["split"]]
    rows = [
        row
        for batch in _batches(_records(files), _BATCH_SIZE)
        for row in handler.run_inference(batch, loaded)
    ]
    table = pa.Table.from_pylist(rows, answers.SCHEMA)
    pq.write_table(table, answers.answers_prefix(str(folder)) + ".parquet")
    read = answers.read_answers(str(folder), classes_of(saved))
    measure(read, slices_of(read, json.loads(component.properties[SLICES_KEY])))


def _splits(examples: list[Any]) -> Iterator[tuple[str, list[str]]]:
    (artifact,) = examples
    for split in artifact_utils.decode_split_names(artifact.split_names):
        (folder,) = artifact_utils.get_split_uris(examples, split)
        yield split, sorted(map(str, Path(folder).iterdir()))


def _records(files: list[str]) -> Iterator[bytes]:
    return iter(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())


def _batches(values: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while batch := [value for _, value in zip(range(size), values, strict=False)]:
        yield batch
