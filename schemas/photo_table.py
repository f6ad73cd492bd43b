"""The table of the photos that a run used: `photos.csv` in its Quarantine artifact."""

from __future__ import annotations

PHOTOS_FILE = "photos.csv"
COLUMNS = ("path", "label", "split", "sha256")
