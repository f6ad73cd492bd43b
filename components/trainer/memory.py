"""What a stage does when memory runs out: it takes its batches in twice as many parts."""

from __future__ import annotations

import logging
import math
from pathlib import Path

from components.trainer.json_file import read_json, write_json
from schemas.errors import PipelineError

_log = logging.getLogger(__name__)


class BatchDivisor:
    """In how many parts a stage takes each batch; known to the next process, too.

    Attributes:
        value: 1 at first.
    """

    def __init__(self, folder: Path, *, stage: str, batch_size: int, replicas: int) -> None:
        """Takes up what an interrupted run had come to.

        Args:
            folder: of the stage's backups.
            stage: as people should read it.
            batch_size: photos in a step, at most.
            replicas: that share a step.
        """
        self._file = folder / "batch_divisor.json"
        self._stage = stage
        self._batch_size = batch_size
        self._replicas = replicas
        self.value: int = read_json(self._file) or 1

    def double(self) -> None:
        """Halves what is in memory at a time, and says so.

        Raises:
            PipelineError: if that is one photo already.
        """
        before = self._at_a_time
        if before == self._replicas:
            raise PipelineError(
                f"Memory runs out in the {self._stage} stage even with one photo at a time on "
                "each device; lower image.size or train.batch_size, or choose a smaller "
                "backbone.name."
            )
        self.value *= 2
        write_json(self._file, self.value)
        _log.warning(
            "Memory ran out in the %s stage with %d photos at a time: it goes on from its last "
            "finished epoch with %d at a time, and still learns from %d in a step; a "
            "train.batch_size of %d would need no such parts.",
            self._stage,
            before,
            self._at_a_time,
            self._batch_size,
            self._at_a_time,
        )

    @property
    def _at_a_time(self) -> int:
        """Photos in memory, over all replicas."""
        return self._replicas * math.ceil(self._batch_size / self._replicas / self.value)
