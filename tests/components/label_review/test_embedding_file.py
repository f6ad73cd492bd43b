"""Tests of embeddings in a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from components.label_review.embedding_file import EmbeddingFile
from schemas.errors import PipelineError

A, B, C = (np.arange(3, dtype=np.float32) + number for number in range(3))

# Writes 128 MB of embeddings, and reads all of them in parts of 4 MB; prints by how many
# kilobytes the most memory grew.
_READ_ALL = """
import resource, sys
from pathlib import Path
import numpy as np
from components.label_review.embedding_file import EmbeddingFile
PHOTOS, CHANNELS = 32768, 1024
row = np.ones(CHANNELS, np.float32)
digests = [number.to_bytes(4, "big") for number in range(PHOTOS)]
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
matrix = EmbeddingFile(Path(sys.argv[1]), digests, ((digest, row) for digest in digests))
numbers = np.random.default_rng(0).permutation(PHOTOS)
for part in np.split(numbers, 32):
    assert matrix.rows(part).sum() == part.size * CHANNELS
print(peak() - before)
"""


def test_rows_are_those_of_the_photos_copies_included(tmp_path: Path) -> None:
    matrix = EmbeddingFile(
        tmp_path / "matrix", [b"c", b"a", b"b", b"a"], [(b"a", A), (b"x", A), (b"b", B), (b"c", C)]
    )

    rows = matrix.rows(np.array([3, 0, 1]))

    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, [A, C, A])
    np.testing.assert_array_equal(matrix.rows(np.arange(4)), [C, A, B, A])


def test_embedding_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    matrix = EmbeddingFile(tmp_path / "matrix", [b"a", b"b"], [(b"a", A), (b"b", B), (b"a", C)])

    np.testing.assert_array_equal(matrix.rows(np.arange(2)), [A, B])


def test_photo_without_an_embedding_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as error:
        EmbeddingFile(tmp_path / "matrix", [b"a", b"b", b"c", b"b"], [(b"a", A)])

    assert str(error.value) == ("3 photos have no embedding; run the pipeline again from Embedder.")


def test_what_was_read_does_not_stay_in_memory(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _READ_ALL, str(tmp_path / "matrix")],
        check=True,
        capture_output=True,
        text=True,
    )

    assert (tmp_path / "matrix").stat().st_size == 128 * 2**20
    assert int(ran.stdout) < 16 * 1024
