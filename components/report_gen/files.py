"""The files of a Report artifact, and where its page is completed for each run."""

from __future__ import annotations

import json
import os
from typing import Any

from components.dataset.storage import read_bytes

REPORT_FILE = "report.html"
METRICS_FILE = "metrics.json"
MODEL_CARD_FILE = "model_card.md"

# Where the page of a run says what became of the model, and how long each component took. Values
# are escaped, so that none of them can hold these.
OUTCOME_MARK = "<!-- outcome -->"
COMPONENTS_MARK = "<!-- components -->"


def report_file(folder: str) -> str:
    """Returns where the page of an artifact lies."""
    return os.path.join(folder, REPORT_FILE)


def read_metrics(folder: str) -> dict[str, Any]:
    """Reads the numbers of an artifact: what `components.report_gen.summary.summary` returns."""
    found: dict[str, Any] = json.loads(read_bytes(os.path.join(folder, METRICS_FILE)))
    return found
