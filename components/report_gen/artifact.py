"""The Report artifact: what a person is to know of a model, and what a program is."""

from __future__ import annotations

import os

from tfx.types.artifact import Artifact

REPORT_FILE = "report.html"
METRICS_FILE = "metrics.json"
MODEL_CARD_FILE = "model_card.md"


class Report(Artifact):
    """`report.html`, `metrics.json` and `model_card.md` of one model, blessed or not.

    And what the model looked at in the photos that the page shows, by `schemas.heat_maps`.
    """

    TYPE_NAME = "Report"


def report_file(folder: str) -> str:
    """Returns where the page of an artifact lies."""
    return os.path.join(folder, REPORT_FILE)
