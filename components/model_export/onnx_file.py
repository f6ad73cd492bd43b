"""ONNX, by Keras and tf2onnx: `photos` float32 (batch, size, size, 3) → `probabilities`.

The class names are a JSON list in the model's metadata, under `classes`.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime

_INPUT = "photos"
_OUTPUT = "probabilities"
_CLASSES = "classes"


def write(
    model: keras.Model,
    file: Path,
    *,
    classes: Sequence[str],
    quantization: str,
    representative: np.ndarray,
) -> None:
    """See `components.model_export.export.FormatModule`."""
    del quantization, representative  # There is one way to write it.
    photos = keras.InputSpec(dtype="float32", shape=model.input_shape, name=_INPUT)
    with warnings.catch_warnings():
        # Of Keras, where it prepares tf2onnx for NumPy 2.
        warnings.filterwarnings("ignore", "In the future `np.object`", FutureWarning)
        model.export(file, format="onnx", verbose=False, input_signature=[photos])
    made = onnx.load(file)
    _name(made.graph)
    onnx.helper.set_model_props(made, {_CLASSES: json.dumps(list(classes))})
    onnx.checker.check_model(made)
    onnx.save(made, file)


def opened(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    """See `components.model_export.export.FormatModule`."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return lambda photos: np.asarray(session.run([_OUTPUT], {_INPUT: photos.astype(np.float32)})[0])


def _name(graph: onnx.GraphProto) -> None:
    """Gives the output and the batch the names that people look for."""
    (photos,), (output,) = graph.input, graph.output
    made_as, output.name = output.name, _OUTPUT
    for node in graph.node:
        for number, name in enumerate(node.output):
            if name == made_as:
                node.output[number] = _OUTPUT
    for value in (photos, output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
