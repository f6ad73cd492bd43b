"""Tests of comparing properties."""

from __future__ import annotations

import pytest

from review.differences import Difference, differences, flat


def test_text_that_is_an_object_is_opened() -> None:
    properties = {
        "custom_config": '{"frozen": {"epochs": 3, "rate": 0.1}, "slices": ["a", "b"]}',
        "configuration": "# Comment\nhead:\n  units: 8\nname: line\n",
        "note": "one: two\nplain\ntext: [",
        "seed": 42,
    }

    assert flat(properties) == {
        "frozen.epochs": 3,
        "frozen.rate": 0.1,
        "slices": '["a", "b"]',
        "head.units": 8,
        "name": "line",
        "note": "one: two\nplain\ntext: [",
        "seed": 42,
    }


def test_only_what_differs_is_told() -> None:
    old, new = '{"a": 1, "b": 2, "c": null}', '{"a": 1, "b": 3, "d": true}'

    assert differences({"config": old}, {"config": new}) == [
        Difference("b", 2, 3),
        Difference("c", "null", None),
        Difference("d", None, True),
    ]


@pytest.mark.parametrize(
    ("difference", "sentence"),
    [
        (Difference("rate", 0.0001, 0.001), "rate changed from 0.0001 to 0.001"),
        (Difference("size", None, 160), "size is new, 160"),
        (Difference("size", 160, None), "size is gone, it was 160"),
        (Difference("text", "x" * 99 + "a", "x" * 99 + "b"), "text changed"),
    ],
    ids=["changed", "new", "gone", "long"],
)
def test_difference_is_a_clause(difference: Difference, sentence: str) -> None:
    assert difference.sentence == sentence


@pytest.mark.parametrize(
    "text",
    [
        *("a: &b [1]\nc: *b\n", "a: &b\n  c: *b\n", "a:\n  " + "- " * 5000 + "1\n", "a:\n  - {\n"),
        *("a: 2026-13-45\n", "a: !!bool maybe\n", "a: !!timestamp noon\n"),
    ],
)
def test_yaml_that_cannot_be_read_or_stands_for_more_than_it_is_stays_text(text: str) -> None:
    assert flat({"configuration": text}) == {"configuration": text}


def test_values_are_one_line_and_dates_are_as_they_are_written() -> None:
    assert flat({"configuration": "a:\n- 2026-01-31\n"}) == {"a": '["2026-01-31"]'}
    assert Difference("note", "two\n  lines", "one").sentence == (
        "note changed from two lines to one"
    )
