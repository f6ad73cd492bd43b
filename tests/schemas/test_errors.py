"""Tests of the errors that a user can cause, and of how names are put into messages."""

from __future__ import annotations

import pytest

from schemas.errors import (
    ConfigError,
    DataError,
    ModelError,
    PipelineError,
    WarmstartError,
    first_line,
    printable,
    shortened_list,
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
