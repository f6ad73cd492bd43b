"""Reports each finished epoch as a log record, which the command line shows live."""

from __future__ import annotations

import logging
import time
from typing import Any

import keras

_log = logging.getLogger(__name__)


class EpochProgress(keras.callbacks.Callback):  # type: ignore[misc]
    """Logs one line for each epoch of a stage."""

    def __init__(self, stage: str, total: int) -> None:
        """Names the stage.

        Args:
            stage: as people should read it.
            total: epochs in the stage.
        """
        super().__init__()
        self._stage = stage
        self._total = total
        self._done = 0
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock."""
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Logs the epoch's figures."""
        logs = logs or {}
        self._done += 1
        _log.info(
            "%s %d/%d: loss %.4f, accuracy %.3f, evaluation loss %.4f, accuracy %.3f (%.1f s)",
            self._stage,
            self._done,
            self._total,
            logs["loss"],
            logs["accuracy"],
            logs["val_loss"],
            logs["val_accuracy"],
            time.perf_counter() - self._started,
        )
