"""The LabelSuspicions artifact; what lies in it: `components.label_review.list_files`."""

from __future__ import annotations

from tfx.types.artifact import Artifact


class LabelSuspicions(Artifact):
    """Labels that look wrong: `suspicions.csv`, with the fields of `LabelSuspicion`, ranked.

    Beside it `embedded.csv`, which photo has which row of the Embeddings: nothing else tells.
    """

    TYPE_NAME = "LabelSuspicions"
