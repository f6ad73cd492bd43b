"""The table of the photos that were embedded: `embedded.csv` in a LabelSuspicions artifact.

`digest` is the SHA-256 of what the backbone saw of a photo, in hex, under which Embedder keeps its
row: files that differ may have the same.
"""

from __future__ import annotations

EMBEDDED_FILE = "embedded.csv"
COLUMNS = ("path", "label", "split", "digest")
