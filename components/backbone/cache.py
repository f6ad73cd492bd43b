"""The weight cache: a folder of ImageNet weights that all runs share.

Needs no Keras, so that `warmstart backbones list` answers at once.
"""

from __future__ import annotations

import os
from pathlib import Path

from components.backbone.registry import BACKBONES

# Names the folder: the setting of a machine, like KERAS_HOME, not of a pipeline.
CACHE_VARIABLE = "WARMSTART_WEIGHTS_CACHE"

# What the embedded weights are of, and the pixels on each side at which they were trained.
EMBEDDED_BACKBONE = "MobileNetV2"
EMBEDDED_IMAGE_SIZE = 160

# Where Keras goes if its own folder cannot be written to (keras/src/utils/file_utils.py).
_KERAS_FALLBACK = Path("/tmp/.keras")  # noqa: S108

_KERNELS = "{}_weights_tf_dim_ordering_tf_kernels_notop.h5"

# MobileNet and MobileNetV2 were pretrained at several sizes; any other gets the weights of 224.
_SIZES = {"mobilenet": (128, 160, 192, 224), "mobilenet_v2": (96, 128, 160, 192, 224)}
_USUAL_SIZE = 224

# Under which name Keras keeps the ImageNet weights without top, for each module of
# keras.applications: what is taken off the backbone's name, and the pattern for the rest of it
# in lower case, and the size.
_PATTERNS: dict[str, tuple[str, str]] = {
    "convnext": ("ConvNeXt", "convnext_{}_notop.h5"),
    "densenet": ("", _KERNELS),
    "efficientnet": ("", "{}_notop.h5"),
    "efficientnet_v2": ("EfficientNetV2", "efficientnetv2-{}_notop.h5"),
    "inception_resnet_v2": ("InceptionResNetV2", _KERNELS.format("inception_resnet_v2")),
    "inception_v3": ("InceptionV3", _KERNELS.format("inception_v3")),
    "mobilenet": ("MobileNet", "mobilenet_1_0_{size}_tf_no_top.h5"),
    "mobilenet_v2": (
        "MobileNetV2",
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{size}_no_top.h5",
    ),
    "mobilenet_v3": ("MobileNetV3", "weights_mobilenet_v3_{}_224_1.0_float_no_top_v2.h5"),
    "nasnet": ("NASNet", "nasnet_{}_no_top.h5"),
    "resnet": ("", _KERNELS),
    "resnet_v2": ("", _KERNELS),
    "vgg16": ("", _KERNELS),
    "vgg19": ("", _KERNELS),
    "xception": ("", _KERNELS),
}


def imagenet_file(name: str, image_size: int | None = None) -> str:
    """Returns the name of the file that Keras downloads for a backbone without its top.

    Args:
        name: a key of `BACKBONES`.
        image_size: pixels on each side; by default those of the backbone.

    Example:
        >>> imagenet_file("EfficientNetV2S")
        'efficientnetv2-s_notop.h5'
    """
    backbone = BACKBONES[name]
    family, pattern = _PATTERNS[backbone.module]
    wanted = image_size or backbone.image_size
    size = wanted if wanted in _SIZES.get(backbone.module, ()) else _USUAL_SIZE
    return pattern.format(name.removeprefix(family).lower(), size=size)


def cached_weights(folder: Path) -> dict[str, Path]:
    """Tells of which backbones a folder has the ImageNet weights.

    Args:
        folder: such as the weight cache; it need not exist.

    Returns:
        The file of each backbone that has one, in the order of `BACKBONES`. Whether it is whole
        is checked when it is loaded.
    """
    files = {name: folder / imagenet_file(name) for name in BACKBONES}
    return {name: file for name, file in files.items() if file.is_file()}


def cache_folder() -> Path:
    """Returns the weight cache: `$WARMSTART_WEIGHTS_CACHE`, by default where Keras has its own."""
    folder = os.environ.get(CACHE_VARIABLE)
    return Path(folder).expanduser().absolute() if folder else keras_models_folder()


def keras_models_folder() -> Path:
    """Returns where Keras keeps weights: `$KERAS_HOME/models`, by default `~/.keras/models`."""
    if "KERAS_HOME" in os.environ:
        home = Path(os.environ["KERAS_HOME"]).expanduser()
    else:
        home = Path.home() / ".keras"
        if not os.access(home.parent, os.W_OK):
            home = _KERAS_FALLBACK
    if home.exists() and not os.access(home, os.W_OK):
        home = _KERAS_FALLBACK
    return home / "models"
