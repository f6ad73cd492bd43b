"""Tests that the page of promises names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text()
NAMED = re.findall(r"`(test_\w+)`", PAGE)
FILES = re.findall(r"`(tests/[\w/]+\.py)`", PAGE)
SLOW = {
    name for line in PAGE.splitlines() if "*long*" in line for name in re.findall(r"test_\w+", line)
}


def source_of(name: str) -> str:
    """Returns what stands before and in the first line of a test."""
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        before, found, _ = file.read_text().partition(f"def {name}(")
        if found:
            return before[-400:]
    return ""


def test_promises_are_named() -> None:
    assert len(NAMED) > 20


@pytest.mark.parametrize("name", NAMED)
def test_test_of_a_promise_exists(name: str) -> None:
    assert source_of(name)


@pytest.mark.parametrize("name", sorted(SLOW & set(NAMED)))
def test_promise_that_is_said_to_take_long_does(name: str) -> None:
    last = source_of(name).rstrip().rsplit("\n\n\n", 1)[-1]
    assert "@pytest.mark.slow" in last


@pytest.mark.parametrize("file", FILES)
def test_file_of_tests_exists(file: str) -> None:
    assert (ROOT / file).is_file()
