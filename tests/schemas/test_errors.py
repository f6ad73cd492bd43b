"""Tests of the errors that a user can cause, and of how names are put into messages."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import (
    ConfigError,
    DataError,
    ModelError,
    PipelineError,
    WarmstartError,
    first_line,
    printable,
    shortened_list,
    written,
)


@pytest.mark.parametrize(
    ("kind", "code"),
    [(ConfigError, 2), (DataError, 1), (ModelError, 1), (PipelineError, 1)],
)
def test_error_has_its_exit_code_and_is_caught_as_ours(
    kind: type[WarmstartError], code: int
) -> None:
    error = kind("photos do not exist.")

    assert error.exit_code == code
    assert isinstance(error, WarmstartError)
    assert str(error) == "photos do not exist."


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, ""),
        (1, "0"),
        (3, "0, 1, 2"),
        (10, "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"),
        (11, "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, and 1 more"),
        (1234, "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, and 1224 more"),
    ],
)
def test_list_shows_ten_and_counts_the_rest(count: int, shown: str) -> None:
    assert shortened_list(str(number) for number in range(count)) == shown


def test_list_is_joined_with_the_given_separator() -> None:
    assert shortened_list("abcdefghijk", "; ") == "a; b; c; d; e; f; g; h; i; j; and 1 more"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("tom on the sofa.jpg", "tom on the sofa.jpg"),
        ("Kätzchen 猫", "Kätzchen 猫"),
        ("it's", "it's"),
        ("two\nlines", "'two\\nlines'"),
        ("\x1b[31mred", "'\\x1b[31mred'"),
        ("right\u202eleft", "'right\\u202eleft'"),
        ("not UTF-8 \udcff", "'not UTF-8 \\udcff'"),
    ],
    ids=["spaces", "unicode", "quote", "newline", "escape", "direction", "surrogate"],
)
def test_name_is_quoted_if_it_would_break_the_line(name: str, shown: str) -> None:
    assert printable(name) == shown


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("  broken: \nand more"), "broken:"),
        (OSError(28, "No space"), "[Errno 28] No space"),
        (KeyError(), "KeyError"),
    ],
    ids=["lines", "numbered", "silent"],
)
def test_first_line_of_an_error_is_never_empty(error: Exception, said: str) -> None:
    assert first_line(error) == said


def test_list_may_be_shortened_further() -> None:
    assert shortened_list(["a", "b", "c"], "; ", most=2) == "a; b; and 1 more"


# As file names come: also such that are not UTF-8.
NAMES = st.text() | st.binary().map(lambda name: name.decode("utf-8", "surrogateescape"))


@given(name=NAMES)
def test_any_name_is_one_line_that_can_be_printed_and_tells_which_it_is(name: str) -> None:
    shown = printable(name)

    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    shown.encode()
    assert (shown if name.isprintable() else ast.literal_eval(shown)) == name


@given(said=st.text())
def test_first_line_of_any_error_is_one_line_and_not_empty(said: str) -> None:
    line = first_line(ValueError(said))

    assert line.strip() == line != ""
    assert "\n" not in line
    assert line in said or not said.strip()


@given(entries=st.lists(st.sampled_from("abc")), most=st.integers(1, 12))
def test_list_names_as_many_as_it_may_and_counts_all_others(entries: list[str], most: int) -> None:
    shown = shortened_list(entries, "; ", most=most).split("; ")

    assert shown[:most] == (entries[:most] or [""])
    assert shown[most:] == ([f"and {len(entries) - most} more"] if len(entries) > most else [])


@given(number=st.floats(-1e15, 1e15) | st.integers(-(10**15), 10**15).map(float))
def test_number_for_people_is_the_number(number: float) -> None:
    text = written(number)

    # Three digits, or to the next whole number.
    assert float(text.replace(",", "")) == pytest.approx(number, rel=0.005, abs=0)
    assert float(text.replace(",", "")) == number or number != round(number)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        *((0, "0"), (7.0, "7"), (-3.0, "-3"), (0.12345, "0.123"), (99.4, "99.4"), (100, "100")),
        *((100.5, "100"), (123.7, "124"), (-1234.5, "-1,234"), (1234567, "1,234,567")),
    ],
)
def test_number_is_written_for_people(number: float, shown: str) -> None:
    assert written(number) == shown
