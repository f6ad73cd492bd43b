"""Prepares CPU and GPUs: memory, precision, determinism, and how many train together."""

from __future__ import annotations

import logging

import keras
import tensorflow as tf

# Tensor cores came with compute capability 7.0 (Volta):
# https://docs.nvidia.com/deeplearning/performance/mixed-precision-training
_TENSOR_CORES_SINCE = (7, 0)

_log = logging.getLogger(__name__)


def prepare_devices(
    mixed_precision: bool | str, *, deterministic: bool, at_most: int
) -> tf.distribute.Strategy:
    """Sets the process up for training.

    Args:
        mixed_precision: True, False, or `auto`: where every GPU has tensor cores.
        deterministic: equal seeds give equal results; costs some speed on GPUs.
        at_most: GPUs that can be kept busy.

    Returns:
        MirroredStrategy over several GPUs, else the default strategy.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # The GPU is in use by an earlier component of this process.
            _log.debug("Memory growth of %s stays as it is.", gpu.name)
    wanted = _has_tensor_cores(gpus) if mixed_precision == "auto" else bool(mixed_precision)
    keras.config.set_dtype_policy("mixed_float16" if wanted else "float32")
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    if min(len(gpus), at_most) < 2:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy(tf.config.list_logical_devices("GPU")[:at_most])


def divisible_batch_size(wanted: int, photos: int, replicas: int) -> int:
    """Returns the size of batches, of which every replica gets an equal part.

    Keras (3.15, `_maybe_symbolic_build`) fails on a first batch that cannot be divided, in
    training as in evaluation.

    Args:
        wanted: by the configuration.
        photos: in the smaller split; no fewer than replicas.
        replicas: that train together.
    """
    return wanted if replicas == 1 else min(wanted, photos) // replicas * replicas


def _has_tensor_cores(gpus: list[tf.config.PhysicalDevice]) -> bool:
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return bool(gpus) and all(
        found.get("compute_capability", (0, 0)) >= _TENSOR_CORES_SINCE for found in details
    )
