"""The Quarantine artifact; what lies in it: `components.image_example_gen.quarantine`."""

from __future__ import annotations

from tfx.types.artifact import Artifact


class Quarantine(Artifact):
    """Files that were set aside, and what else was found of a data folder."""

    TYPE_NAME = "Quarantine"
