"""Embeddings of all photos in a file: what is not asked for is not in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from schemas.errors import PipelineError


class EmbeddingFile:
    """A matrix on the disk, float32 (photos, channels)."""

    def __init__(
        self, file: Path, digests: Sequence[bytes], embeddings: Iterable[tuple[bytes, np.ndarray]]
    ) -> None:
        """Writes the matrix.

        Args:
            file: to write.
            digests: of the photos, in the order of the rows; copies of a photo have equal ones.
            embeddings: float32 (channels,), each with its digest, in any order.

        Raises:
            PipelineError: if a photo has no embedding.
        """
        self._file = file
        rows_of: dict[bytes, list[int]] = defaultdict(list)
        for row, digest in enumerate(digests):
            rows_of[digest].append(row)
        self._channels = 0
        with file.open("wb") as matrix:
            for digest, embedding in embeddings:
                self._channels = embedding.size
                for row in rows_of.pop(digest, ()):
                    matrix.seek(row * embedding.nbytes)
                    matrix.write(embedding.tobytes())
        if rows_of:
            missing = sum(map(len, rows_of.values()))
            raise PipelineError(
                f"{missing} photos have no embedding; run the pipeline again from Embedder."
            )

    def rows(self, numbers: np.ndarray) -> np.ndarray:
        """Returns rows: float32 (numbers, channels).

        They are read one by one: of a mapped file, the pages around each would count as memory.
        """
        found = np.empty((numbers.size, self._channels), np.float32)
        with self._file.open("rb", buffering=0) as matrix:
            for number, row in zip(numbers.tolist(), found, strict=True):
                matrix.seek(number * row.nbytes)
                matrix.readinto(row.data)
        return found
