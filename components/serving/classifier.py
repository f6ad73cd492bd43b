"""Turns a SavedModel back into the Keras classifier that it was made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from schemas import serving
from schemas.errors import ModelError, printable

_ARCHITECTURE = Path(serving.EXTRA_ASSETS, serving.ARCHITECTURE_FILE)
_FLOAT32 = "float32"
_SIXTEEN_BITS = ("float16", "bfloat16")

# What the classifiers of `components.trainer.model` consist of, over all backbones. Nothing else
# is made from a file: Keras has layers that run code from it, or read others.
_KINDS: dict[str | None, frozenset[str]] = {
    None: frozenset({"__ellipsis__", "__keras_tensor__", "__tensor__"}),
    "keras": frozenset({"DTypePolicy", "Sequential"}),
    "keras.initializers": frozenset(
        {"GlorotUniform", "HeNormal", "Ones", "VarianceScaling", "Zeros"}
    ),
    "keras.layers": frozenset(
        {
            *("Activation", "Add", "AveragePooling2D", "BatchNormalization", "Concatenate"),
            *("Conv2D", "Cropping2D", "Dense", "DepthwiseConv2D", "Dropout"),
            *("GlobalAveragePooling2D", "InputLayer", "LayerNormalization", "MaxPooling2D"),
            *("Multiply", "Normalization", "ReLU", "Rescaling", "Reshape", "SeparableConv2D"),
            "ZeroPadding2D",
        }
    ),
    "keras.src.applications.convnext": frozenset({"LayerScale"}),
    "keras.src.applications.inception_resnet_v2": frozenset({"CustomScaleLayer"}),
    "keras.src.models.functional": frozenset({"Functional"}),
    "keras.src.ops.numpy": frozenset(
        {"Add", "GetItem", "Multiply", "Stack", "Subtract", "TrueDivide"}
    ),
}


def load_classifier(folder: Path) -> keras.Model:
    """Builds the classifier of a SavedModel, with its trained weights.

    It computes in float32, also where it was trained with 16 bits.

    Args:
        folder: of one version, or a SavedModel of the Trainer.

    Returns:
        A model from uint8 or float32 (batch, size, size, 3), RGB in [0, 255] as
        `components.transform.preprocessing.decode_photos` makes them, to float32 probabilities:
        (batch, classes), or, of two classes, (batch, 1) with that of the second.

    Raises:
        ModelError: if it carries no architecture, or this or its variables are damaged, or
            contradict each other.
    """
    with _explained(folder):
        architecture = _read_architecture(folder)
        with _float32_policy():
            classifier = keras.models.model_from_json(json.dumps(architecture))
        variables = _read_variables(folder, len(classifier.weights))
        for weight, value in zip(classifier.weights, variables, strict=True):
            if tuple(weight.shape) != value.shape:
                raise ValueError(
                    f"{weight.path} has the shape {tuple(weight.shape)}, its variable {value.shape}"
                )
        classifier.set_weights(variables)
    return classifier


def _read_architecture(folder: Path) -> dict[str, Any]:
    file = folder / _ARCHITECTURE
    if not file.is_file():
        raise ModelError(
            f"{printable(str(folder))} carries no architecture ({_ARCHITECTURE}): another program, "
            "or an older version of this one, wrote it; run the pipeline again."
        )
    architecture = _in_float32(json.loads(file.read_text(encoding="utf-8")))
    if not isinstance(architecture, dict):
        raise TypeError(f"{file.name} holds no JSON object")
    return architecture


def _in_float32(config: Any) -> Any:
    """Checks a part of Keras' JSON; returns it without 16-bit numbers and what only training needs.

    Raises:
        ValueError: if it holds something that no classifier of ours has.
    """
    if isinstance(config, list):
        return [_in_float32(entry) for entry in config]
    if not isinstance(config, dict):
        return config
    if "class_name" in config:
        kind, module = config["class_name"], config.get("module")
        # A registered name would be looked up before the module.
        registered = config.get("registered_name") not in {None, kind}
        if registered or kind not in _KINDS.get(module, ()):
            raise ValueError(f"it holds {module}.{kind}, which no classifier of warmstart has")
        if kind == "DTypePolicy":
            return {**config, "config": {"name": _FLOAT32}}
    return {
        key: _FLOAT32 if key == "dtype" and value in _SIXTEEN_BITS else _in_float32(value)
        for key, value in config.items()
        if key != "compile_config"
    }


def _read_variables(folder: Path, count: int) -> list[np.ndarray]:
    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    prefix = f"{serving.CLASSIFIER_VARIABLES}/"
    present = sum(name.startswith(prefix) for name in reader.get_variable_to_shape_map())
    if present != count:
        raise ValueError(f"it has {count} weights, and there are variables for {present}")
    return [
        np.asarray(reader.get_tensor(f"{prefix}{number}/.ATTRIBUTES/VARIABLE_VALUE"))
        for number in range(count)
    ]


@contextmanager
def _float32_policy() -> Iterator[None]:
    """A model as a whole takes the process's policy, which training may have set."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(_FLOAT32)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    # Keras meets a config of the wrong form with any of them.
    except (
        *(ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError),
        *(ValueError, tf.errors.OpError),
    ) as error:
        raise ModelError(
            f"{printable(str(folder))}: the architecture or the variables of the classifier are "
            f"damaged ({_first_line(error)}); name another version, or run the pipeline again."
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".")
