"""Words for requests that failed."""

from __future__ import annotations

import pytest
import requests

from components.connection import failure


def failed_with(url: str) -> str:
    with pytest.raises(requests.RequestException) as error:
        requests.get(url, timeout=5)
    return failure(error.value)


def test_words_are_those_of_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    assert failed_with("http://127.0.0.1:9/") == "Connection refused"


def test_other_failures_have_words_of_ours() -> None:
    assert failure(requests.ReadTimeout()) == "the server does not answer"
    assert failure(requests.ConnectionError("Max retries")) == "the connection broke off"
    assert failure(requests.HTTPError("the server answers 500")) == "the server answers 500"
