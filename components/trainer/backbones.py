"""Pretrained backbones of keras.applications, each with its own preprocessing and weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from components.trainer.weights import IMAGENET, weights_file
from schemas.errors import ModelError


@dataclass(frozen=True)
class Backbone:
    """How to make one backbone.

    Attributes:
        build: the constructor in keras.applications.
        preprocess: the same module's `preprocess_input`: from RGB in [0, 255] to what the
            backbone was pretrained on.
    """

    build: Callable[..., keras.Model]
    preprocess: Callable[..., keras.KerasTensor]


BACKBONES = {
    "MobileNetV2": Backbone(
        keras.applications.MobileNetV2, keras.applications.mobilenet_v2.preprocess_input
    ),
    "ResNet50": Backbone(keras.applications.ResNet50, keras.applications.resnet.preprocess_input),
    "EfficientNetB0": Backbone(
        keras.applications.EfficientNetB0, keras.applications.efficientnet.preprocess_input
    ),
}


def load_backbone(name: str, weights: str, image_size: int) -> keras.Model:
    """Builds a backbone and loads its weights.

    Args:
        name: a key of `BACKBONES`.
        weights: `embedded`, `imagenet`, `none`, or the path of a `.weights.h5` file.
        image_size: pixels on each side.

    Returns:
        A model from float32 (batch, image_size, image_size, 3), preprocessed, to float32
        (batch, channels), averaged over all positions.

    Raises:
        ModelError: if the weights are missing, damaged, or those of another architecture.
    """
    file = weights_file(weights)
    try:
        backbone = BACKBONES[name].build(
            include_top=False,
            pooling="avg",
            input_shape=(image_size, image_size, 3),
            weights="imagenet" if weights == IMAGENET else None,
        )
    except ValueError as error:
        raise ModelError(
            f"image.size = {image_size}: {name} refuses it ({_first_line(error)}); "
            "224 suits every backbone."
        ) from error
    except Exception as error:
        # Keras wraps failed downloads in a bare Exception.
        if weights == IMAGENET and "fetch" in str(error).lower():
            raise ModelError(
                f"backbone.weights = imagenet: the weights of {name} could not be downloaded "
                f"({_first_line(error)}); connect to the internet once, or set backbone.weights "
                "to embedded or a .weights.h5 file."
            ) from error
        raise
    if file is not None:
        _load_weights(backbone, name, file)
    return backbone


def _load_weights(backbone: keras.Model, name: str, file: Path) -> None:
    try:
        backbone.load_weights(file)
    except (ValueError, OSError, KeyError) as error:
        raise ModelError(
            f"{file} does not hold the weights of {name} without its top "
            f"({_first_line(error)}); name the file for this backbone."
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".")
