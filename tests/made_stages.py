"""Stages of training on a few rows, which end within seconds or are killed on the way."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.trainer.input_data import Epochs
from components.trainer.model import build_head
from components.trainer.stage import FROZEN, Stage, StageConfig

ROWS = 24
CHANNELS = 6
BATCH_SIZE = 8


def embeddings(classes: int = 2, seed: int = 0, noise: float = 1.0) -> tuple[np.ndarray, ...]:
    """Returns rows and labels of classes that overlap."""
    random = np.random.default_rng(seed)
    numbers = np.arange(ROWS) % classes
    centres = np.random.default_rng(99).normal(size=(classes, CHANNELS))
    rows = (centres[numbers] + random.normal(scale=noise, size=(ROWS, CHANNELS))).astype(np.float32)
    labels = numbers[:, None] if classes == 2 else np.eye(classes)[numbers]
    return rows, labels.astype(np.float32)


def epochs_from(first: int, last: int, classes: int = 2, *, batch_size: int = BATCH_SIZE) -> Epochs:
    """Gives epochs in orders that depend on their number only, as `input_data` does."""

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        rows = tf.data.Dataset.from_tensor_slices(embeddings(classes))
        return rows.shuffle(ROWS, seed=3 + number, reshuffle_each_iteration=False).batch(batch_size)

    steps = math.ceil(ROWS / batch_size)
    return Epochs(tf.data.Dataset.range(first, last).flat_map(epoch), steps)


def head(classes: int = 2, dropout: float = 0.0) -> keras.Model:
    """Returns a head; all have the same weights to begin with."""
    keras.utils.set_random_seed(11)
    return build_head(CHANNELS, classes=classes, units=8, dropout=dropout)


def stage(folder: Path, model: keras.Model | None = None, **changes: Any) -> Stage:
    """Returns a stage of five epochs; settings of its `config` may be changed too."""
    settings: dict[str, Any] = {"epochs": 5, "learning_rate": 0.01}
    settings |= {"optimizer": "adam", "schedule": "constant"}
    for name in settings.keys() & changes.keys():
        settings[name] = changes.pop(name)
    classes = changes.pop("classes", 2)
    batch_size = changes.get("batch_size", BATCH_SIZE)
    evaluation = tf.data.Dataset.from_tensor_slices(embeddings(classes, seed=1))
    values: dict[str, Any] = {
        "name": FROZEN,
        "model": model or head(classes),
        "config": StageConfig(**settings),
        "first": 0,
        "batch_size": BATCH_SIZE,
        "train": lambda first, last: epochs_from(first, last, classes, batch_size=batch_size),
        "evaluation": evaluation.batch(batch_size),
        "backup": folder / "backup",
        "board": str(folder / "board"),
        "class_weights": None,
        "label_smoothing": 0.0,
        "early_stopping": 0,
        "histogram_freq": 0,
    }
    return Stage(**{**values, **changes})


def weights_of(model: keras.Model) -> np.ndarray:
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


class Ran:
    """A stage that ran to its end.

    Attributes:
        folder: of its backups and TensorBoard's logs.
        model: with the weights of its best epoch.
        stage: the same.
        result: what it came to.
        weights: of its best epoch, flat.
    """

    def __init__(
        self,
        folder: Path,
        model: keras.Model | None = None,
        *,
        dropout: float = 0.0,
        **changes: Any,
    ) -> None:
        """Runs it."""
        self.folder = folder
        self.model = model or head(changes.get("classes", 2), dropout)
        self.stage = stage(folder, self.model, **changes)
        self.result = self.stage.run()
        self.weights = weights_of(self.model)


class KilledError(Exception):
    """Stands for the end of the process."""


def killed_in(epoch: int, step: int, made: Stage) -> Stage:
    """Lets the training set break off in an epoch."""
    whole = made.train

    def train(first: int, last: int) -> Epochs:
        epochs = whole(first, last)
        batches = (epoch - first) * epochs.steps + step

        def rows() -> Any:
            yield from epochs.dataset.take(batches).as_numpy_iterator()
            raise KilledError

        broken = tf.data.Dataset.from_generator(rows, output_signature=epochs.dataset.element_spec)
        return Epochs(broken, epochs.steps)

    return Stage(**{**vars(made), "train": train})


def run_killed(
    folder: Path, epoch: int, step: int, model: keras.Model | None = None, **settings: Any
) -> None:
    """Runs a stage that breaks off in a step of an epoch."""
    dropout = settings.pop("dropout", 0.0)
    model = model or head(settings.get("classes", 2), dropout)
    with pytest.raises(tf.errors.OpError, match="KilledError"):
        killed_in(epoch, step, stage(folder, model, **settings)).run()


def assert_same(resumed: Ran, undisturbed: Ran) -> None:
    """Compares two stages to the last bit."""
    assert resumed.result.history == undisturbed.result.history
    assert resumed.result.as_dict() == undisturbed.result.as_dict()
    np.testing.assert_array_equal(resumed.weights, undisturbed.weights)
