"""Names of container images that stay the same image."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def _pinned(image: str) -> str:
    """Tells one image from another later: a name alone says nothing of what ran."""
    if not _NAME.fullmatch(image):
        raise ValueError("no name of an image, such as registry.example/warmstart:0.1.0")
    name = image.rsplit("/", 1)[-1]
    if _DIGEST.search(image):
        return image
    if ":" not in name or not name.split(":", 1)[1]:
        raise ValueError(
            f"has no tag, so nobody could tell what ran; name one, as {image.rstrip(':')}:0.1.0"
        )
    if name.endswith(":latest"):
        raise ValueError("latest is another image every week; name a version or a digest")
    return image


PinnedImage = Annotated[str, AfterValidator(_pinned)]
