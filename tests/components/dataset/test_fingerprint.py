"""Tests of the digest of a data folder: what it depends on, and what not."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from components.dataset.fingerprint import fingerprint
from components.dataset.image_file import Inspection
from components.dataset.layout import CLASS_FOLDERS, LabelledFile, Layout
from components.dataset.storage import File

Row = tuple[str, str, str, str, str]

WORDS = st.text(max_size=5)
ROWS = st.lists(st.tuples(WORDS, WORDS, WORDS, WORDS, WORDS), max_size=5)


def of(rows: list[Row], *, root: str = "photos", times: float = 0.0, size: int = 0) -> str:
    """Returns the digest of files with a path, label, given split, content and problem."""
    files = [
        LabelledFile(File(path, size, f"{times}", times), label, split)
        for path, label, split, _, _ in rows
    ]
    seen = [Inspection(digest, size, problem) for _, _, _, digest, problem in rows]
    return fingerprint(Layout(CLASS_FOLDERS, root, files), seen)


@given(one=ROWS, other=ROWS)
def test_digests_are_equal_where_paths_labels_splits_and_contents_are(
    one: list[Row], other: list[Row]
) -> None:
    assert (of(one) == of(other)) == (one == other)


@given(rows=ROWS.filter(bool), number=st.integers(0), field=st.integers(0, 4), other=WORDS)
def test_change_of_one_word_changes_it(
    rows: list[Row], number: int, field: int, other: str
) -> None:
    number %= len(rows)
    changed = list(rows[number])
    changed[field] = other

    after = [*rows[:number], tuple(changed), *rows[number + 1 :]]
    assert (of(after) == of(rows)) == (rows[number][field] == other)  # type: ignore[arg-type]


@given(rows=ROWS, times=st.floats(0, 1e10), size=st.integers(0))
def test_times_and_the_place_of_the_folder_do_not_matter(
    rows: list[Row], times: float, size: int
) -> None:
    assert of(rows, root="elsewhere", times=times, size=size) == of(rows)


def test_digest_says_how_it_was_made() -> None:
    seen = Inspection("ab", 3, "")
    layout = Layout(CLASS_FOLDERS, ".", [LabelledFile(File("cat/1.jpg", 3), "cat")])

    rows = b'[["cat/1.jpg", "cat", "", "ab", ""]]'
    assert fingerprint(layout, [seen]) == f"sha256:{hashlib.sha256(rows).hexdigest()}"
    assert fingerprint(layout, [replace(seen, width=9)]) == fingerprint(layout, [seen])
