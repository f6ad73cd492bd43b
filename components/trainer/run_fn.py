"""TFX's Trainer calls `run_fn`: stage 1 (frozen), stage 2 (fine-tune), export."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from components.backbone.cut import ALL, find_cut, split_at, unfreeze_above
from components.backbone.loading import load_backbone, loaded_digest
from components.backbone.weights import NONE
from components.embedder.artifact import Manifest, read_index, read_manifest
from components.embedder.augmentation import Augmentation
from components.trainer.devices import divisible_batch_size, prepare_devices
from components.trainer.executor import (
    BACKUP_FOLDER_KEY,
    EMBEDDINGS_FOLDER_KEY,
    TRAINING_FILE,
)
from components.trainer.export import export
from components.trainer.input_data import EmbeddingsReader, Labels, PhotosReader
from components.trainer.model import build_classifier, build_head, build_upper
from components.trainer.serving_reference import write_reference
from components.trainer.stage import FINE_TUNED, FROZEN, Stage, StageConfig, StageResult
from components.trainer.tensorboard import write_sample_photos
from schemas import features
from schemas.errors import PipelineError

# A whole backbone that learns faster than this forgets what it was pretrained on.
_HIGHEST_RATE_FOR_ALL = 1e-4

# With 0 as the global seed, tf.data asks in Python whether an epoch's seed, a tensor, is 0 too.
_INSTEAD_OF_ZERO = 2**32 - 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    """What the Trainer is told; meaning and limits as in `pipelines.config`."""

    backbone: str
    weights: str
    image_size: int
    units: int
    dropout: float
    frozen: StageConfig
    fine_tune: StageConfig
    fine_tune_from: float | int | str
    augmentation: Augmentation
    batch_size: int
    seed: int
    class_weights: str
    label_smoothing: float
    early_stopping: int
    histogram_freq: int
    mixed_precision: bool | str
    deterministic: bool


def run_fn(fn_args: FnArgs) -> None:
    """Trains a classifier and writes it as a SavedModel.

    Args:
        fn_args: from TFX. `custom_config` holds the fields of `TrainConfig`, and the folders
            that our executor adds.

    Raises:
        ModelError: if the backbone or its weights cannot be used.
        ConfigError: if fine-tuning is to start at a layer that there is not.
        PipelineError: if the embeddings were made with other weights, or memory holds not even
            one photo.
    """
    config = _train_config(fn_args.custom_config)
    embeddings = fn_args.custom_config[EMBEDDINGS_FOLDER_KEY]
    photos = min(len(read_index(embeddings, split)) for split in (features.TRAIN, features.EVAL))
    strategy = prepare_devices(
        config.mixed_precision,
        deterministic=config.deterministic,
        at_most=min(photos, config.batch_size),
    )
    replicas = strategy.num_replicas_in_sync
    config = replace(config, batch_size=divisible_batch_size(config.batch_size, photos, replicas))
    _warn(config)
    labels = Labels(_classes(fn_args.transform_graph_path))
    with strategy.scope():
        classifier, results = _train(fn_args, config, labels)
    kept = max(results, key=lambda result: (result.accuracy, -result.loss))
    _log.info(
        "kept the %s model: accuracy %.3f, loss %.4f on the evaluation photos",
        kept.name,
        kept.accuracy,
        kept.loss,
    )
    kept.restore()
    manifest = read_manifest(embeddings)
    _write_training(fn_args.model_run_dir, kept, results, weights=manifest.recipe.weights)
    write_reference(fn_args.model_run_dir, classifier, labels, fn_args.eval_files)
    export(classifier, labels, fn_args.serving_model_dir)


def _train(
    fn_args: FnArgs, config: TrainConfig, labels: Labels
) -> tuple[keras.Model, list[StageResult]]:
    """Trains both stages; returns the classifier and what each stage came to."""
    embeddings = fn_args.custom_config[EMBEDDINGS_FOLDER_KEY]
    manifest = read_manifest(embeddings)
    reader = EmbeddingsReader(embeddings, manifest, labels, config.batch_size, config.seed)
    index = read_index(embeddings, features.TRAIN)
    backbone = load_backbone(config.backbone, config.weights, config.image_size)
    _check_weights(config, manifest)
    keras.utils.set_random_seed(config.seed or _INSTEAD_OF_ZERO)
    backbone.trainable = False
    pretrained = backbone.get_weights()
    head = build_head(
        backbone.output_shape[-1],
        classes=len(labels.classes),
        units=config.units,
        dropout=config.dropout,
    )
    classifier = build_classifier(backbone, config.backbone, head)
    common = {
        "batch_size": config.batch_size,
        "backup": Path(fn_args.custom_config[BACKUP_FOLDER_KEY]),
        "board": fn_args.model_run_dir,
        "class_weights": _class_weights(index, labels, config.class_weights),
        "label_smoothing": config.label_smoothing,
        "early_stopping": config.early_stopping,
        "histogram_freq": config.histogram_freq,
    }
    photos = PhotosReader(
        fn_args.train_files,
        fn_args.eval_files,
        labels,
        config.image_size,
        config.augmentation,
        manifest.recipe.views,
        config.batch_size,
        config.seed,
    )
    write_sample_photos(fn_args.model_run_dir, photos)

    frozen = Stage(
        FROZEN,
        head,
        config.frozen,
        first=0,
        train=lambda first, last: reader.embeddings_for_training(len(index), first, last),
        evaluation=reader.embeddings_for_evaluation(),
        **common,
    ).run()
    head_weights = head.get_weights()

    def restore_frozen() -> None:
        backbone.set_weights(pretrained)
        head.set_weights(head_weights)

    results = [frozen.restored_by(restore_frozen)]
    cut = find_cut(backbone, config.fine_tune_from)
    if cut is None or not config.fine_tune.epochs:
        return classifier, results

    unfreeze_above(backbone, cut)
    cached = bool(manifest.recipe.cut)
    model = build_upper(split_at(backbone, cut)[1], head) if cached else classifier
    fine_tuned = Stage(
        FINE_TUNED,
        model,
        config.fine_tune,
        first=config.frozen.epochs,
        train=lambda first, last: (
            reader.activations_for_training(len(index), first, last)
            if cached
            else photos.for_training(len(index), first, last)
        ),
        evaluation=(reader.activations_for_evaluation() if cached else photos.for_evaluation()),
        **common,
    ).run()
    return classifier, [*results, fine_tuned]


def _train_config(values: dict[str, Any]) -> TrainConfig:
    known = {name: values[name] for name in (field.name for field in fields(TrainConfig))}
    known["frozen"] = StageConfig(**known["frozen"])
    known["fine_tune"] = StageConfig(**known["fine_tune"])
    known["augmentation"] = Augmentation(**known["augmentation"])
    return TrainConfig(**known)


def _warn(config: TrainConfig) -> None:
    if config.weights == NONE:
        _log.warning(
            "backbone.weights = none: the backbone starts from random weights, so this is no "
            "transfer learning; use embedded, imagenet or a file unless you mean it."
        )
    whole = config.fine_tune_from in (ALL, 0.0)
    rate = config.fine_tune.learning_rate
    if whole and config.fine_tune.epochs and rate > _HIGHEST_RATE_FOR_ALL:
        _log.warning(
            "fine_tune.learning_rate = %g is high for a whole backbone: above %g it tends to "
            "forget what it was pretrained on.",
            rate,
            _HIGHEST_RATE_FOR_ALL,
        )


def _classes(transform_graph: str) -> list[str]:
    """Returns the class names in alphabetical order, which is the order of their numbers."""
    vocabulary = tft.TFTransformOutput(transform_graph).vocabulary_by_name(
        features.CLASSES_VOCABULARY
    )
    return sorted(name.decode() for name in vocabulary)


def _class_weights(
    index: list[tuple[bytes, str]], labels: Labels, setting: str
) -> dict[int, float] | None:
    """Weighs each class by the inverse of its share, so that all count the same."""
    if setting == NONE:
        return None
    counts = Counter(label for _, label in index)
    classes = labels.classes
    return {
        number: len(index) / (len(classes) * counts[name]) for number, name in enumerate(classes)
    }


def _check_weights(config: TrainConfig, manifest: Manifest) -> None:
    """Embedder may have run elsewhere, or before a file was replaced."""
    digest = loaded_digest(config.backbone, config.weights, config.image_size)
    if digest != manifest.recipe.weights:
        raise PipelineError(
            f"backbone.weights = {config.weights}: SHA-256 is {digest} here, and was "
            f"{manifest.recipe.weights} where Embedder ran; use the same file for both."
        )


def _write_training(
    folder: str, kept: StageResult, results: list[StageResult], *, weights: str
) -> None:
    """Writes what the stages came to; Executor and report read it."""
    training = {
        "kept": kept.name,
        "weights_sha256": weights,
        "stages": [result.as_dict() for result in results],
    }
    with tf.io.gfile.GFile(os.path.join(folder, TRAINING_FILE), "w") as stream:
        stream.write(json.dumps(training, indent=2))
