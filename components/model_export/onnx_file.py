"""ONNX, by tf2onnx: `photos` float32 (batch, size, size, 3) → `probabilities`.

The class names are a JSON list in the model's metadata, under `classes`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx

from schemas.errors import ModelError, shortened_list

_INPUT = "photos"
_OUTPUT = "probabilities"
_CLASSES = "classes"

# Of 2022; runtimes read it since ONNX Runtime 1.13. tf2onnx writes none beyond 18.
_OPSET = 17


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
    photos = tf.TensorSpec(model.input_shape, tf.float32, name=_INPUT)

    @tf.function(input_signature=[photos])
    def probabilities(photos: tf.Tensor) -> tf.Tensor:
        return model(photos, training=False)

    made, _ = tf2onnx.convert.from_function(probabilities, [photos], opset=_OPSET)
    _fix_constants(made.graph, probabilities.get_concrete_function())
    _name(made.graph)
    _check_operations(made.graph)
    onnx.helper.set_model_props(made, {_CLASSES: json.dumps(list(classes))})
    onnx.checker.check_model(made)
    onnx.save(made, file)


def opened(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    """See `components.model_export.export.FormatModule`."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return lambda photos: np.asarray(session.run([_OUTPUT], {_INPUT: photos.astype(np.float32)})[0])


def _fix_constants(graph: onnx.GraphProto, function: Any) -> None:
    """Gives constants their values: tf2onnx takes some, such as means of channels, for inputs."""
    values = {tensor.name: tensor for tensor in function.inputs}
    for constant in [made for made in graph.input if made.name != _INPUT]:
        value = np.asarray(tf.get_static_value(values[constant.name]))
        graph.initializer.append(onnx.numpy_helper.from_array(value, constant.name))
        graph.input.remove(constant)


def _check_operations(graph: onnx.GraphProto) -> None:
    """Refuses what tf2onnx left as TensorFlow's own, such as ConvNeXt's Erfc."""
    unknown = sorted({node.op_type for node in graph.node if not onnx.defs.has(node.op_type)})
    if unknown:
        raise ModelError(
            f"This model's backbone cannot be written as ONNX, which has no "
            f"{shortened_list(unknown)}; choose another format."
        )


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
