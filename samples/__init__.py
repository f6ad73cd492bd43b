"""What ships with warmstart so that it runs offline: sample photos and backbone weights.

Licences and provenance are in README.md of this folder.
"""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).resolve().parent

PHOTOS_FOLDER = _FOLDER / "photos"

# Keras MobileNetV2, alpha 1.0, 160 x 160, include_top=False, pooling="avg".
WEIGHTS_FILE = _FOLDER / "weights" / "mobilenet_v2_160.weights.h5"
WEIGHTS_SHA256 = "50c3df00caf5ee574c5c45022e79e627eb96d0414d17413a553afea1fea433bf"
