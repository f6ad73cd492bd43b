"""One stage of training, resumable, with its best weights kept."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from components.out_of_memory import is_out_of_memory
from components.trainer.callbacks import (
    Backup,
    EpochHistory,
    EpochProgress,
    EpochSeeds,
    GradientNorms,
    KeepBest,
)
from components.trainer.input_data import Epochs
from components.trainer.learner import Learner
from components.trainer.memory import BatchDivisor
from components.trainer.model import compile_classifier

FROZEN = "frozen"
FINE_TUNED = "fine-tuned"


@dataclass(frozen=True)
class StageConfig:
    """How a stage learns; meaning and limits as in `pipelines.config`."""

    epochs: int
    learning_rate: float
    optimizer: str
    schedule: str


def _nothing() -> None:
    """Restores weights that are in place already."""


@dataclass(frozen=True)
class StageResult:
    """What a stage came to, at its best epoch.

    Attributes:
        name: `frozen` or `fine-tuned`.
        epoch: the best one, counted over both stages from 0.
        loss: on the evaluation photos.
        accuracy: on the evaluation photos.
        history: by metric, a value for each epoch.
        batch_divisor: in how many parts the batches of its last epochs were taken, to fit into
            memory; 1 is whole.
        restore: puts this stage's weights back into the model.
    """

    name: str
    epoch: int
    loss: float
    accuracy: float
    history: dict[str, list[float]]
    batch_divisor: int
    restore: Callable[[], None] = field(default=_nothing, repr=False)

    def restored_by(self, restore: Callable[[], None]) -> StageResult:
        """Returns the same result with another way to restore it."""
        return replace(self, restore=restore)

    def as_dict(self) -> dict[str, Any]:
        """Returns what is written down."""
        values = asdict(replace(self, restore=_nothing))
        del values["restore"]
        return values


@dataclass(frozen=True)
class Stage:
    """A stage to run.

    Attributes:
        name: `frozen` or `fine-tuned`.
        model: what learns; its trainable weights are those of the stage.
        config: how.
        first: number of the first epoch, counted over both stages from 0.
        batch_size: photos in a step, at most.
        train: gives the training set from one epoch to another.
        evaluation: the evaluation photos.
        backup: folder that outlives a killed process.
        board: folder of TensorBoard's logs.
        class_weights: by class number, or None.
        label_smoothing: in [0, 1).
        early_stopping: epochs of patience, or 0.
        histogram_freq: epochs between two histograms, or 0.
    """

    name: str
    model: keras.Model
    config: StageConfig
    first: int
    batch_size: int
    train: Callable[[int, int], Epochs]
    evaluation: tf.data.Dataset
    backup: Path
    board: str
    class_weights: dict[int, float] | None
    label_smoothing: float
    early_stopping: int
    histogram_freq: int

    def run(self) -> StageResult:
        """Trains, from where an interrupted run left off, and restores the best epoch.

        Raises:
            PipelineError: if there is not memory enough for a single photo.
        """
        folder = self.backup / self.name
        folder.mkdir(parents=True, exist_ok=True)
        divisor = BatchDivisor(
            folder,
            stage=self.name,
            batch_size=self.batch_size,
            replicas=tf.distribute.get_strategy().num_replicas_in_sync,
        )
        untrained = self.model.get_weights()
        while True:
            try:
                best, history = self._train(folder, divisor.value)
                break
            except tf.errors.OpError as error:
                if not is_out_of_memory(error):
                    raise
            # Only here is the error gone, and with it what the frames in its traceback held: data
            # sets with their batches, the learner, its optimizer. They refer to each other.
            gc.collect()
            divisor.double()
            # A step that broke off may have changed some of them.
            self.model.set_weights(untrained)
        best.restore(self.model)
        weights = self.model.get_weights()
        return StageResult(
            self.name,
            epoch=int(best.best["epoch"]),
            loss=best.best["loss"],
            accuracy=best.best["accuracy"],
            history=history.values,
            batch_divisor=divisor.value,
            restore=lambda: self.model.set_weights(weights),
        )

    def _train(self, folder: Path, divisor: int) -> tuple[KeepBest, EpochHistory]:
        """Trains the epochs that are not backed up."""
        last = self.first + self.config.epochs
        backup = Backup(folder)
        start = max(self.first, backup.next_epoch)
        epochs = self.train(start, last)
        best = KeepBest(folder, self.early_stopping)
        history = EpochHistory(folder, first=self.first, start=start)
        if start == last or best.is_over(start):
            return best, history
        learner = Learner(self.model, divisor=divisor)
        compile_classifier(
            learner,
            optimizer=self.config.optimizer,
            learning_rate=self.config.learning_rate,
            schedule=self.config.schedule,
            steps=epochs.steps * self.config.epochs,
            label_smoothing=self.label_smoothing,
        )
        learner.fit(
            epochs.dataset,
            validation_data=self.evaluation,
            initial_epoch=start,
            epochs=last,
            steps_per_epoch=epochs.steps,
            class_weight=self.class_weights,
            shuffle=False,  # The data set shuffles itself.
            verbose=0,
            callbacks=[
                EpochSeeds(),
                *self._board_callbacks(),
                EpochProgress(self.name, self.first, last),
                best,
                history,
                backup,  # Last: an epoch that is backed up has been noted by the others.
            ],
        )
        return best, history

    def _board_callbacks(self) -> list[keras.callbacks.Callback]:
        board = keras.callbacks.TensorBoard(
            self.board, histogram_freq=self.histogram_freq, write_graph=False
        )
        if not self.histogram_freq:
            return [board]
        batch = next(iter(self.evaluation))
        # Before the board, which would show an epoch twice if memory ran out here.
        return [GradientNorms(self.board, batch, self.histogram_freq), board]
