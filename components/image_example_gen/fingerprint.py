"""A digest of all photos: whether they are those of an earlier run. Without TensorFlow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from components.dataset.image_file import Inspection
from components.dataset.layout import Layout, find_photos
from components.dataset.survey import inspect_files
from components.lookup import Lookup

FINGERPRINT_KEY = "input_fingerprint"  # As TFX calls it.


def fingerprint(layout: Layout, inspections: Iterable[Inspection]) -> str:
    """Digests which content lies under which path, label and given split.

    TFX's own fingerprint is count, bytes and times of files: it does not see a photo moved
    from one class folder to another, and sees a change where one was only touched.
    """
    rows = [
        [labelled.file.path, labelled.label, labelled.split, seen.digest, seen.problem]
        for labelled, seen in zip(layout.files, inspections, strict=True)
    ]
    return "sha256:" + hashlib.sha256(json.dumps(rows).encode()).hexdigest()


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
