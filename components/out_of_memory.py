"""Tells when memory ran out, and asks models with as many photos at a time as it holds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import tensorflow as tf

from schemas.errors import PipelineError

# TensorFlow's allocator, its eager operations, XLA and CUDA, XLA's allocator, and cuDNN; in lower
# case. The kind of the error tells nothing: a full disk is a ResourceExhaustedError, too, and
# CUDA_ERROR_OUT_OF_MEMORY from XLA an InternalError (tensorflow#60607). That cuDNN or cuBLAS could
# not start is no sure sign: it has other causes as well.
_SIGNS = (
    "oom when allocating",
    "failed to allocate memory",
    "out of memory",
    "failed to allocate request for",
    "cudnn_status_alloc_failed",
)

_NOT_EVEN_ONE = "Memory runs out even with one photo at a time; "
_SMALLER = "lower image.size, or choose a smaller backbone.name."

_Photo = TypeVar("_Photo")
_Row = TypeVar("_Row")

_log = logging.getLogger(__name__)


def is_out_of_memory(error: tf.errors.OpError) -> bool:
    """Tells whether an error says that a GPU's or the machine's memory ran out."""
    message = str(error.message).lower()
    return any(sign in message for sign in _SIGNS)


class ShrinkingBatches:
    """Asks about a batch at once; where memory runs out, about half as many photos at a time.

    What is found out holds for the batches that follow: TensorFlow waits for seconds before it
    says that there is no memory.
    """

    def __init__(self, otherwise: str = _SMALLER) -> None:
        """Begins with whole batches.

        Args:
            otherwise: what to do where not even one photo fits, as the end of a sentence.
        """
        self._at_once: int | None = None
        self._otherwise = otherwise

    def ask(
        self, model: Callable[[Sequence[_Photo]], Sequence[_Row]], batch: Sequence[_Photo]
    ) -> list[_Row]:
        """Returns what a model says of each photo of a batch, which is not empty.

        Args:
            model: gives a row for each photo, whichever photos are beside it.
            batch: photos, in any form.

        Raises:
            PipelineError: if there is not memory enough for a single photo.
        """
        while True:
            size = min(self._at_once or len(batch), len(batch))
            parts = [batch[start : start + size] for start in range(0, len(batch), size)]
            try:
                return [row for part in parts for row in model(part)]
            except tf.errors.OpError as error:
                if not is_out_of_memory(error):
                    raise
                if size == 1:
                    raise PipelineError(_NOT_EVEN_ONE + self._otherwise) from error
            self._at_once = size // 2
            _log.warning(
                "Memory ran out with %d photos at a time: it goes on with %d, which changes "
                "nothing but the time it takes.",
                size,
                self._at_once,
            )
