"""A digest of all photos: whether they are those of an earlier run. Without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.dataset.fingerprint import fingerprint
from components.dataset.layout import find_photos
from components.dataset.survey import inspect_files
from components.lookup import Lookup

FINGERPRINT_KEY = "input_fingerprint"  # As TFX calls it.


def fingerprint_of(data: str, max_pixels: int) -> str:
    """Looks at every photo of a data folder, manifest or archive.

    Raises:
        DataError: if it cannot be used.
    """
    layout = find_photos(data)
    return fingerprint(layout, inspect_files(layout, max_pixels))


class PhotosFingerprint(Lookup):
    """What TFX's driver finds out before ImageExampleGen, where no driver is run: on Kubeflow."""

    def look_up(self, properties: Mapping[str, Any], inputs: Mapping[str, str]) -> dict[str, str]:
        """Returns the digest under `input_fingerprint`.

        Args:
            properties: `input_base` and `max_pixels`, as of ImageExampleGen.
            inputs: none.

        Raises:
            DataError: if the photos cannot be used.
        """
        found = fingerprint_of(properties["input_base"], properties["max_pixels"])
        return {FINGERPRINT_KEY: found}
