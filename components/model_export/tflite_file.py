"""TensorFlow Lite: one photo at a time, (1, size, size, 3) → probabilities (1, classes).

Photos and probabilities are float32; where everything is int8, uint8 with the scale that the model
names. The class names are appended as TensorFlow Lite's tools do it, as an archive: `labels.txt`
with a name on each line, and `classes.json`, in which a name may hold anything.
"""

from __future__ import annotations

import json
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.model_export.bias_correction import corrected
from components.model_export.formats import FLOAT16, INT8, NONE
from schemas import serving

_LABELS = "labels.txt"

# Photos that tell the mean of a channel.
_CORRECTING = 64


def write(
    model: keras.Model,
    file: Path,
    *,
    classes: Sequence[str],
    quantization: str,
    representative: np.ndarray,
) -> None:
    """See `components.model_export.export.FormatModule`."""
    if quantization == INT8:
        model = corrected(model, representative[:_CORRECTING])
    photo = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32, name="photos")

    @tf.function(input_signature=[photo])
    def probabilities(photos: tf.Tensor) -> tf.Tensor:
        return model(photos, training=False)

    # Keras' variables are found by TensorFlow only where an object of its own holds them.
    holder = tf.Module()
    holder.variables_of_model = [weight.value for weight in model.weights]
    holder.probabilities = probabilities
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [probabilities.get_concrete_function()], holder
    )
    if quantization != NONE:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    if quantization == INT8:

        def samples() -> Iterator[list[np.ndarray]]:
            for photo in representative:
                yield [photo[np.newaxis].astype(np.float32)]

        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.uint8
    file.write_bytes(converter.convert())
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(_LABELS, "".join(f"{' '.join(name.split())}\n" for name in classes))
        archive.writestr(serving.CLASSES_ASSET, json.dumps(list(classes)))


def opened(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    """See `components.model_export.export.FormatModule`."""
    with warnings.catch_warnings():
        # Its successor is another package, with the same engine.
        warnings.filterwarnings("ignore", r".*tf\.lite\.Interpreter is deprecated")
        interpreter = tf.lite.Interpreter(str(file), num_threads=os.cpu_count())
    interpreter.allocate_tensors()
    (taken,) = interpreter.get_input_details()
    (given,) = interpreter.get_output_details()

    def probabilities(photos: np.ndarray) -> np.ndarray:
        answers: list[np.ndarray] = []
        for photo in photos:
            interpreter.set_tensor(taken["index"], photo[np.newaxis].astype(taken["dtype"]))
            interpreter.invoke()
            answers.append(_in_float32(interpreter.get_tensor(given["index"])[0], given))
        return np.stack(answers)

    return probabilities


def _in_float32(answer: np.ndarray, details: dict[str, Any]) -> np.ndarray:
    scale, zero = details["quantization"]
    return (answer.astype(np.float32) - zero) * scale if scale else answer
