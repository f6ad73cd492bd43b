"""TFX's Trainer calls `run_fn`: stage 1 (frozen), stage 2 (fine-tune), export."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from components.trainer.backbones import load_backbone
from components.trainer.export import export
from components.trainer.input_data import augmentation_layers, photo_dataset, training_dataset
from components.trainer.model import build_classifier, compile_classifier, unfreeze
from components.trainer.progress import EpochProgress
from components.trainer.weights import NONE
from schemas import features

_log = logging.getLogger(__name__)


def run_fn(fn_args: FnArgs) -> None:
    """Trains a classifier on transformed examples and writes it as a SavedModel.

    Args:
        fn_args: from TFX. `custom_config` holds the values listed in
            `pipelines.image_pipeline`, `train_args.num_steps` is not used: the stages
            count epochs.

    Raises:
        ModelError: if the backbone or its weights cannot be used.
    """
    config = fn_args.custom_config
    keras.utils.set_random_seed(config["seed"])
    classes = _classes(fn_args.transform_graph_path)
    train = _training_data(fn_args.train_files, classes, config)
    evaluation = photo_dataset(
        fn_args.eval_files,
        classes,
        image_size=config["image_size"],
        batch_size=config["batch_size"],
    ).cache()
    if config["weights"] == NONE:
        _log.warning(
            "backbone.weights = none: the backbone starts from random weights, so this is no "
            "transfer learning; use embedded, imagenet or a file unless you mean it."
        )
    backbone = load_backbone(config["backbone"], config["weights"], config["image_size"])
    model = build_classifier(
        backbone,
        config["backbone"],
        classes=len(classes),
        units=config["units"],
        dropout=config["dropout"],
    )
    frozen_epochs, fine_tune_epochs = config["frozen_epochs"], config["fine_tune_epochs"]
    board = keras.callbacks.TensorBoard(fn_args.model_run_dir, write_graph=False)

    def fit(stage: str, first: int, epochs: int) -> None:
        model.fit(
            train,
            validation_data=evaluation,
            initial_epoch=first,
            epochs=first + epochs,
            shuffle=False,  # The data set shuffles itself.
            verbose=0,
            callbacks=[board, EpochProgress(stage, total=epochs)],
        )

    compile_classifier(model, config["frozen_learning_rate"])
    fit("frozen", 0, frozen_epochs)
    if fine_tune_epochs:
        unfreeze(backbone, config["fine_tune_from"])
        compile_classifier(model, config["fine_tune_learning_rate"])
        fit("fine-tune", frozen_epochs, fine_tune_epochs)
    export(model, classes, fn_args.serving_model_dir)


def _classes(transform_graph: str) -> list[str]:
    """Returns the class names in alphabetical order, which is the order of their numbers."""
    vocabulary = tft.TFTransformOutput(transform_graph).vocabulary_by_name(
        features.CLASSES_VOCABULARY
    )
    return sorted(name.decode() for name in vocabulary)


def _training_data(
    files: Sequence[str], classes: Sequence[str], config: dict[str, Any]
) -> tf.data.Dataset:
    return training_dataset(
        files,
        classes,
        image_size=config["image_size"],
        batch_size=config["batch_size"],
        seed=config["seed"],
        augmentation=augmentation_layers(**config["augment"], seed=config["seed"]),
    )
