"""Tests of what is taken for a lack of memory, and of batches that become smaller by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import tensorflow as tf
from hungry_layer import Hungry

from components.out_of_memory import ShrinkingBatches, is_out_of_memory
from schemas.errors import PipelineError

NOT_EVEN_ONE = (
    "Memory runs out even with one photo at a time; lower image.size, or choose a smaller "
    "backbone.name."
)


@pytest.mark.parametrize(
    "allocate",
    [
        pytest.param(lambda: tf.zeros([2**46]), id="eagerly"),
        pytest.param(lambda: Hungry(0)(tf.ones([1, 1])), id="in a layer"),
        pytest.param(
            lambda: tf.function(Hungry(0).call)(tf.ones([1, 1])),
            id="in a graph",
        ),
    ],
)
def test_allocation_that_fails_is_a_lack_of_memory(allocate: Callable[[], Any]) -> None:
    with pytest.raises(tf.errors.ResourceExhaustedError) as error:
        allocate()

    assert is_out_of_memory(error.value)


@pytest.mark.parametrize(
    "error",
    [
        tf.errors.InternalError(
            None, None, "Failed to load in-memory CUBIN: CUDA_ERROR_OUT_OF_MEMORY: out of memory"
        ),
        tf.errors.ResourceExhaustedError(
            None, None, "Out of memory while trying to allocate 68852648264 bytes."
        ),
        tf.errors.InternalError(
            None, None, "Failed to allocate request for 1.00GiB (1073741824B) on device ordinal 0"
        ),
        tf.errors.InternalError(
            None, None, "Could not create cudnn handle: CUDNN_STATUS_ALLOC_FAILED"
        ),
    ],
    ids=["CUDA", "XLA", "XLA's allocator", "cuDNN"],
)
def test_what_gpus_say_is_a_lack_of_memory(error: tf.errors.OpError) -> None:
    """As they were reported; no GPU was at hand."""
    assert is_out_of_memory(error)


def test_full_disk_is_no_lack_of_memory() -> None:
    with pytest.raises(tf.errors.ResourceExhaustedError) as error:
        tf.io.write_file("/dev/full", b"x")

    assert not is_out_of_memory(error.value)


def test_cudnn_that_cannot_start_is_no_sure_lack_of_memory() -> None:
    error = tf.errors.UnknownError(
        None,
        None,
        "Failed to get convolution algorithm. This is probably because cuDNN failed to initialize",
    )

    assert not is_out_of_memory(error)


class Doubling:
    """A model that has memory for a few numbers at a time, and remembers what it was asked."""

    def __init__(self, most: int) -> None:
        self.asked: list[int] = []
        self._hungry = Hungry(most)

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(len(numbers))
        doubled = self._hungry(2 * tf.constant(numbers, tf.float32)[:, tf.newaxis])
        return [int(value) for value in doubled[:, 0]]


def test_batch_that_fits_is_asked_about_at_once() -> None:
    model = Doubling(4)

    assert ShrinkingBatches().ask(model, [1, 2, 3, 4]) == [2, 4, 6, 8]
    assert model.asked == [4]


def test_batch_is_asked_about_in_parts_that_fit(caplog: pytest.LogCaptureFixture) -> None:
    model, batches = Doubling(3), ShrinkingBatches()

    assert batches.ask(model, list(range(8))) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert model.asked == [8, 4, 2, 2, 2, 2]
    assert [record.message for record in caplog.records] == [
        "Memory ran out with 8 photos at a time: it goes on with 4, which changes nothing but the "
        "time it takes.",
        "Memory ran out with 4 photos at a time: it goes on with 2, which changes nothing but the "
        "time it takes.",
    ]


def test_what_fitted_holds_for_later_batches() -> None:
    model, batches = Doubling(3), ShrinkingBatches()
    batches.ask(model, list(range(5)))
    model.asked.clear()

    assert batches.ask(model, [1, 2, 3]) == [2, 4, 6]
    assert batches.ask(model, [7]) == [14]
    assert model.asked == [2, 1, 1]


def test_no_memory_for_one_photo_is_told_in_a_sentence() -> None:
    with pytest.raises(PipelineError) as error:
        ShrinkingBatches().ask(Doubling(0), [1, 2])

    assert str(error.value) == NOT_EVEN_ONE


def test_other_failure_is_not_tried_again() -> None:
    asked = []

    def broken(numbers: Sequence[int]) -> list[int]:
        asked.append(len(numbers))
        raise tf.errors.InvalidArgumentError(None, None, "no photo")

    with pytest.raises(tf.errors.InvalidArgumentError, match="no photo"):
        ShrinkingBatches().ask(broken, [1, 2])
    assert asked == [2]
