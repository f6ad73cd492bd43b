"""Tests of the tokens that a browser has to know."""

from __future__ import annotations

import shlex
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigError
from schemas.tokens import check_token, new_token

PLAIN = st.from_regex(r"[A-Za-z0-9._~-]+", fullmatch=True)


def refused(text: str) -> bool:
    try:
        check_token(text)
    except ConfigError:
        return True
    return False


def test_new_token_is_long_plain_and_another_each_time() -> None:
    tokens = {new_token() for _ in range(100)}

    assert len(tokens) == 100
    for token in tokens:
        check_token(token)
        assert len(token) == 32


@given(token=PLAIN | st.text(min_size=1))
def test_token_that_is_taken_stands_for_itself_in_a_shell_and_in_an_address(token: str) -> None:
    if not refused(token):
        assert quote(token, safe="") == token
        assert shlex.quote(token.replace("~", "")) == (token.replace("~", "") or "''")


@given(token=PLAIN)
def test_token_of_plain_characters_is_taken(token: str) -> None:
    assert not refused(token)


@pytest.mark.parametrize("text", [None, ""])
def test_token_that_is_not_given_is_none_to_check(text: str | None) -> None:
    check_token(text)


@pytest.mark.parametrize("text", ["a b", "a\n", "ä", "a&b", "a/b", "%41", "$x", "a;b", "'"])
def test_token_with_other_characters_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_token(text)

    assert str(error.value) == (
        "--token may only hold letters from A to Z in both cases, digits, and . _ ~ -; leave it "
        "out and one is made."
    )
