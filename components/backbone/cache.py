"""Which weights are at hand: those that ship with warmstart, and what Keras has downloaded.

Needs no Keras, so that `warmstart backbones list` answers at once.
"""

from __future__ import annotations

import os
from pathlib import Path

from components.backbone.registry import BACKBONES

# What the embedded weights are of, and the pixels on each side at which they were trained.
EMBEDDED_BACKBONE = "MobileNetV2"
EMBEDDED_IMAGE_SIZE = 160

# Where Keras goes if its own folder cannot be written to (keras/src/utils/file_utils.py).
_KERAS_FALLBACK = Path("/tmp/.keras")  # noqa: S108

_KERNELS = "{}_weights_tf_dim_ordering_tf_kernels_notop.h5"

# Under which name Keras keeps the ImageNet weights without top, for each module of
# keras.applications: what is taken off the backbone's name, and the pattern for the rest of it
# in lower case. MobileNet has a file for each size; here it is that of the default size.
_PATTERNS: dict[str, tuple[str, str]] = {
    "convnext": ("ConvNeXt", "convnext_{}_notop.h5"),
    "densenet": ("", _KERNELS),
    "efficientnet": ("", "{}_notop.h5"),
    "efficientnet_v2": ("EfficientNetV2", "efficientnetv2-{}_notop.h5"),
    "inception_resnet_v2": ("InceptionResNetV2", _KERNELS.format("inception_resnet_v2")),
    "inception_v3": ("InceptionV3", _KERNELS.format("inception_v3")),
    "mobilenet": ("MobileNet", "mobilenet_1_0_224_tf_no_top.h5"),
    "mobilenet_v2": (
        "MobileNetV2",
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    ),
    "mobilenet_v3": ("MobileNetV3", "weights_mobilenet_v3_{}_224_1.0_float_no_top_v2.h5"),
    "nasnet": ("NASNet", "nasnet_{}_no_top.h5"),
    "resnet": ("", _KERNELS),
    "resnet_v2": ("", _KERNELS),
    "vgg16": ("", _KERNELS),
    "vgg19": ("", _KERNELS),
    "xception": ("", _KERNELS),
}


def imagenet_file(name: str) -> str:
    """Returns the name of the file that Keras downloads for a backbone without its top.

    Args:
        name: a key of `BACKBONES`, at its default size.

    Example:
        >>> imagenet_file("EfficientNetV2S")
        'efficientnetv2-s_notop.h5'
    """
    family, pattern = _PATTERNS[BACKBONES[name].module]
    return pattern.format(name.removeprefix(family).lower())


def cached_weights(folder: Path) -> dict[str, Path]:
    """Tells which backbones' ImageNet weights are in a folder.

    Args:
        folder: where Keras keeps weights; it need not exist.

    Returns:
        The file of each backbone that has one, in the order of `BACKBONES`. Whether it is whole
        is checked when it is loaded: Keras knows the hash of each.
    """
    files = {name: folder / imagenet_file(name) for name in BACKBONES}
    return {name: file for name, file in files.items() if file.is_file()}


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
