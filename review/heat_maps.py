"""What a model looked at in an evaluation photo, as the report of its run shows it."""

from __future__ import annotations

import re

from review.files import ArtifactFiles
from review.records import Artifact
from schemas.heat_maps import heat_map_file

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_BYTES = 1_000_000


def heat_map_in(files: ArtifactFiles, report: Artifact, sha256: str) -> bytes | None:
    """Returns a picture in a Report artifact; None if there is none of this photo.

    A report has pictures of the worst mistakes only. The file may come from anyone: what is shown
    goes through `review.thumbnails.thumbnail`, as any photo.

    Args:
        files: that opens the file.
        report: the artifact.
        sha256: of the photo's own file, in hex.
    """
    if not _DIGEST.fullmatch(sha256):
        return None
    try:
        with files.open(report, heat_map_file(sha256)) as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError:
        return None
    return content if len(content) <= _MOST_BYTES else None
