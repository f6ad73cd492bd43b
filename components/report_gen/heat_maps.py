"""Writes the pictures of what a model looked at as files, beside the page that holds them, too.

`warmstart review` shows them next to the training photos that look like the same photo.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping

import tensorflow as tf

from components.artifact_file import write_whole
from components.report_gen.gallery import Judged
from schemas.heat_maps import heat_map_file


def write_heat_maps(
    folder: str, judged: Iterable[Judged], photos: Iterable[Mapping[str, str]]
) -> None:
    """Writes a JPEG file for each photo of which there is a picture.

    Args:
        folder: of the Report artifact.
        judged: evaluation photos.
        photos: rows of the table of photos, which have the digests of their files.
    """
    digests = {(row["path"], row["label"]): row["sha256"] for row in photos}
    heat = {digests[one.path, one.label]: one.heat for one in judged if one.heat}
    for digest, url in heat.items():
        file = os.path.join(folder, heat_map_file(digest))
        tf.io.gfile.makedirs(os.path.dirname(file))
        write_whole(file, base64.b64decode(url.partition(",")[2]))
