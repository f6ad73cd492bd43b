"""Builds a backbone, loads its weights, and prepares photos the way it was pretrained."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from components.backbone.cache import cache_folder, imagenet_file
from components.backbone.download import weights_from_cache
from components.backbone.registry import BACKBONES
from components.backbone.weights import IMAGENET, NONE, sha256, verify, weights_file
from schemas.errors import ModelError

# Any will do.
_SEED_OF_RANDOM_WEIGHTS = 0


def load_backbone(name: str, weights: str, image_size: int) -> keras.Model:
    """Builds a backbone and loads its weights.

    Args:
        name: a key of `BACKBONES`.
        weights: `embedded`, `imagenet`, `none` (random, the same each time; seeds the process
            anew), or the path of a weight file.
        image_size: pixels on each side.

    Returns:
        A model from float32 (batch, image_size, image_size, 3), preprocessed, to float32
        (batch, channels), averaged over all positions.

    Raises:
        ModelError: if the size does not suit the backbone, or the weights are missing,
            damaged, or those of another architecture; if ImageNet weights are neither in the
            weight cache nor can be downloaded into it.
    """
    file = weights_file(weights)
    if weights == NONE:
        # Embedder and Trainer must draw the same ones.
        keras.utils.set_random_seed(_SEED_OF_RANDOM_WEIGHTS)
    with weights_from_cache() as taken:
        try:
            backbone = getattr(keras.applications, name)(
                include_top=False,
                pooling="avg",
                input_shape=(image_size, image_size, 3),
                weights="imagenet" if weights == IMAGENET else None,
            )
        except (ValueError, OSError, KeyError) as error:
            if taken:
                raise ModelError(
                    f"{taken[-1]} does not hold the weights of {name} ({_first_line(error)}); "
                    "remove it, and it is downloaded again."
                ) from error
            raise ModelError(
                f"image.size = {image_size}: {name} refuses it ({_first_line(error)}); "
                f"it was pretrained at {BACKBONES[name].image_size}."
            ) from error
    if file is not None:
        _load_weights(backbone, name, file)
    return backbone


def fetch_weights(name: str, weights: str, image_size: int) -> None:
    """Brings what `load_backbone` will read onto this machine, if it is not here yet.

    Args:
        name: a key of `BACKBONES`.
        weights: as for `load_backbone`.
        image_size: pixels on each side.

    Raises:
        ModelError: as `load_backbone`.
    """
    if weights != IMAGENET:
        return
    file = cache_folder() / imagenet_file(name, image_size)
    if file.is_file():
        verify(file)
    else:
        load_backbone(name, weights, image_size)


def loaded_digest(name: str, weights: str, image_size: int) -> str:
    """Returns the SHA-256 of the file that `load_backbone` has read; `none` if it read none.

    Args:
        name: a key of `BACKBONES`.
        weights: as for `load_backbone`.
        image_size: pixels on each side.
    """
    if weights == IMAGENET:
        return sha256(cache_folder() / imagenet_file(name, image_size))
    file = weights_file(weights)
    return NONE if file is None else sha256(file)


def preprocess(name: str, photos: Any) -> Any:
    """Brings RGB in [0, 255] to what a backbone was pretrained on.

    Args:
        name: a key of `BACKBONES`.
        photos: float32 (batch, height, width, 3), a tensor or a Keras tensor.

    Returns:
        The same shape; scale, mean and order of channels are the backbone's own.
    """
    module = getattr(keras.applications, BACKBONES[name].module)
    return module.preprocess_input(photos)


def _load_weights(backbone: keras.Model, name: str, file: Path) -> None:
    before = [np.array(weight) for weight in backbone.get_weights()]
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            if file.suffix == ".keras":
                backbone.set_weights(keras.saving.load_model(file, safe_mode=True).get_weights())
            else:
                backbone.load_weights(file)
    except (ValueError, OSError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{file} does not hold the weights of {name} without its top "
            f"({_first_line(error)}); name the file for this backbone."
        ) from error
    # A file of another model that shares some layers loads in part, with no more than warnings.
    skipped = [
        w for w in said if "Skipping" in str(w.message) and "optimizer" not in str(w.message)
    ]
    same = all(np.array_equal(a, b) for a, b in zip(before, backbone.get_weights(), strict=True))
    if skipped or same:
        raise ModelError(f"{file} holds no weights of {name}; name the file for this backbone.")


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".")
