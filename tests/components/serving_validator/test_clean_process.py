"""Tests of what the clean process says; that it runs is tested with its executor."""

from __future__ import annotations

import pytest

from components.serving_validator.clean_process import _latencies, what_happened


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("", "no message"),
        ("  \n", "no message"),
        ("Read less bytes than requested.", "Read less bytes than requested"),
        (
            "Graph execution error:\n\nDetected at node map/DecodeImage defined at (most recent "
            "call last):\n<stack traces unavailable>\nUnknown image file format.\n\t [[{{a}}]]",
            "Unknown image file format",
        ),
        ("x" * 400, "x" * 300),
    ],
)
def test_first_line_that_says_something_is_taken(message: str, said: str) -> None:
    assert what_happened(ValueError(message)) == said


def test_latency_is_measured_on_the_photos_by_turns() -> None:
    asked: list[bytes] = []

    latencies = _latencies(asked.append, [b"a", b"b"])

    assert len(latencies) == len(asked) == 50
    assert asked[:3] == [b"a", b"b", b"a"]
    assert min(latencies) >= 0
