"""The Report artifact: what a person is to know of a model, and what a program is."""

from __future__ import annotations

from tfx.types.artifact import Artifact


class Report(Artifact):
    """`report.html`, `metrics.json` and `model_card.md` of one model, blessed or not.

    And what the model looked at in the photos that the page shows, by `schemas.heat_maps`.
    """

    TYPE_NAME = "Report"
