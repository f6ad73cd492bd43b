"""What happens between epochs: progress, the best weights, gradient norms."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from components.trainer import snapshot
from components.trainer.json_file import read_json, write_json

_log = logging.getLogger(__name__)


class EpochProgress(keras.callbacks.Callback):
    """Logs one line for each epoch of a stage, which the command line shows live."""

    def __init__(self, stage: str, first: int, last: int) -> None:
        """Names the stage.

        Args:
            stage: as people should read it.
            first: number of its first epoch, counted over both stages from 0.
            last: number after its last.
        """
        super().__init__()
        self._stage = stage
        self._first = first
        self._last = last
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock."""
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Logs the epoch's figures."""
        logs = logs or {}
        _log.info(
            "%s %d/%d: loss %.4f, accuracy %.3f, evaluation loss %.4f, accuracy %.3f (%.1f s)",
            self._stage,
            epoch - self._first + 1,
            self._last - self._first,
            logs["loss"],
            logs["accuracy"],
            logs["val_loss"],
            logs["val_accuracy"],
            time.perf_counter() - self._started,
        )


class EpochSeeds(keras.callbacks.Callback):
    """Makes Dropout depend on the epoch and not on what ran before.

    The state of Keras' seed generators is not among the weights: a training that goes on after
    a kill would drop other units than one that was never interrupted.
    """

    # Random draws of a layer in an epoch, at most; the counter has 32 bits.
    _DRAWS = 1 << 18

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the counter of each seed generator; its seed stays."""
        for layer in self.model._flatten_layers():
            generator = getattr(layer, "seed_generator", None)
            if generator is not None:
                seed = int(keras.ops.convert_to_numpy(generator.state.value)[0])
                generator.state.assign([seed, epoch * self._DRAWS % (1 << 32)])


class KeepBest(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the lowest evaluation loss, and stops early.

    Keras' EarlyStopping forgets its best weights when the process is killed; this one has
    them on disk, so that training that goes on later ends with the same model.
    """

    def __init__(self, folder: Path, patience: int) -> None:
        """Says where and how long; takes up what an interrupted run had found.

        Args:
            folder: for the weights and their figures.
            patience: epochs without a better one after which training stops; 0 never stops.
        """
        super().__init__()
        self._weights = folder / "best.npz"
        self._figures = folder / "best.json"
        self._patience = patience
        self.best: dict[str, float] = read_json(self._figures) or {}

    def is_over(self, epoch: int) -> bool:
        """Tells whether training had stopped early before an epoch began."""
        return bool(
            self._patience and self.best and epoch - 1 - self.best["epoch"] >= self._patience
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Saves the weights if this epoch was the best; ends training if none was for long."""
        logs = logs or {}
        if not self.best or logs["val_loss"] < self.best["loss"]:
            self.best = {
                "epoch": epoch,
                "loss": float(logs["val_loss"]),
                "accuracy": float(logs["val_accuracy"]),
            }
            snapshot.save(self.model, self._weights)
            write_json(self._figures, self.best)
        if self.is_over(epoch + 1):
            self.model.stop_training = True

    def restore(self, model: keras.Model) -> None:
        """Loads the best weights into a model."""
        snapshot.restore(model, self._weights)


class EpochHistory(keras.callbacks.Callback):
    """Keeps the figures of each epoch, across interruptions.

    Attributes:
        values: by metric, a value for each epoch of the stage.
    """

    def __init__(self, folder: Path, *, first: int, start: int) -> None:
        """Takes up the epochs before `start`.

        Args:
            folder: for the figures.
            first: number of the stage's first epoch.
            start: number of the epoch with which training goes on.
        """
        super().__init__()
        self._file = folder / "history.json"
        earlier = read_json(self._file) or {}
        self.values = {name: figures[: start - first] for name, figures in earlier.items()}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds an epoch."""
        for name, value in (logs or {}).items():
            self.values.setdefault(name, []).append(float(value))
        write_json(self._file, self.values)


class Backup(keras.callbacks.Callback):
    """Saves weights and optimizer after each epoch, so that a killed training goes on.

    Keras' BackupAndRestore writes weights and epoch number into two files: a process killed
    between them repeats an epoch. Here the number is the file's name, and appears at once.

    Attributes:
        next_epoch: the epoch with which training goes on; 0 if there is no backup.
    """

    def __init__(self, folder: Path) -> None:
        """Looks for a backup.

        Args:
            folder: for the backups.
        """
        super().__init__()
        self._folder = folder
        self._latest = max(folder.glob("after-*.npz"), default=None)
        self.next_epoch = 0 if self._latest is None else _epoch_of(self._latest) + 1

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Loads the latest backup."""
        if self._latest is not None:
            self.model.optimizer.build(self.model.trainable_variables)
            snapshot.restore(self.model, self._latest, optimizer=True)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Replaces the backup."""
        former = self._latest
        self._latest = self._folder / f"after-{epoch:06d}.npz"
        snapshot.save(self.model, self._latest, optimizer=True)
        if former is not None and former != self._latest:
            former.unlink()


class GradientNorms(keras.callbacks.Callback):
    """Writes the norm of each weight's gradient on one batch, after every few epochs."""

    def __init__(self, folder: str, batch: tuple[tf.Tensor, tf.Tensor], every: int) -> None:
        """Says where to and on what.

        Args:
            folder: TensorBoard's.
            batch: inputs and labels.
            every: epochs between two records.
        """
        super().__init__()
        self._writer = tf.summary.create_file_writer(folder)
        self._inputs, self._labels = batch
        self._every = every

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes one scalar for each trainable weight."""
        if epoch % self._every:
            return
        strategy = self.model.distribute_strategy
        # Every replica sees the same batch: the first one's norms are those of all.
        norms = strategy.run(self._norms)
        with self._writer.as_default(step=epoch):
            for path, norm in norms.items():
                first = strategy.experimental_local_results(norm)[0]
                tf.summary.scalar(f"gradient_norm/{path}", first)
        self._writer.flush()

    def _norms(self) -> dict[str, tf.Tensor]:
        _, gradients, _ = self.model.gradients(self._inputs, self._labels, training=False)
        weights = self.model.trainable_weights
        return {
            weight.path: tf.norm(gradient)
            for weight, gradient in zip(weights, gradients, strict=True)
        }


def _epoch_of(backup: Path) -> int:
    return int(backup.name.removeprefix("after-").removesuffix(".npz"))
