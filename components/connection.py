"""Tells why a request failed, in words for people."""

from __future__ import annotations

import requests
from urllib3.exceptions import ReadTimeoutError


def failure(error: BaseException) -> str:
    """Finds the operating system's words in what requests and urllib3 wrapped around them."""
    if isinstance(error, requests.HTTPError):
        return str(error)
    if isinstance(error, requests.Timeout):
        return "the server does not answer"
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        if isinstance(cause, ReadTimeoutError):  # Between two parts of an answer.
            return "the server does not answer"
        cause = cause.__cause__ or cause.__context__
    return "the connection broke off"
