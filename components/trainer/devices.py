"""Prepares CPU and GPUs: memory, precision, determinism, and how many train together."""

from __future__ import annotations

import logging

import keras
import tensorflow as tf

# Tensor cores came with compute capability 7.0 (Volta):
# https://docs.nvidia.com/deeplearning/performance/mixed-precision-training
_TENSOR_CORES_SINCE = (7, 0)

_log = logging.getLogger(__name__)


def prepare_devices(mixed_precision: bool | str, *, deterministic: bool) -> tf.distribute.Strategy:
    """Sets the process up for training.

    Args:
        mixed_precision: True, False, or `auto`: where every GPU has tensor cores.
        deterministic: equal seeds give equal results; costs some speed on GPUs.

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
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()


def _has_tensor_cores(gpus: list[tf.config.PhysicalDevice]) -> bool:
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return bool(gpus) and all(
        found.get("compute_capability", (0, 0)) >= _TENSOR_CORES_SINCE for found in details
    )
