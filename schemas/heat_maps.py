"""Where a Report artifact keeps what a model looked at: a picture for some evaluation photos."""

from __future__ import annotations


def heat_map_file(sha256: str) -> str:
    """Returns the name of a picture, relative to the artifact.

    Args:
        sha256: of the photo's own file, in hex.
    """
    return f"judged/{sha256}.jpg"
