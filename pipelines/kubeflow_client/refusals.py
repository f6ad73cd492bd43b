"""Says in one sentence why a request to Kubeflow Pipelines failed, and whether to try it again."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import urllib3
from kfp_server_api import ApiException

from pipelines.kubeflow_client.access import COOKIES_VARIABLE, TOKEN_VARIABLE, Secrets
from schemas.errors import ClusterError, ConfigError, WarmstartError

# Of what a server says; a page of HTML would fill the terminal.
_MOST_SAID = 300

# Passing states of a server, or of a proxy before it.
_PASSING = {429, 500, 502, 503, 504}

_LOG_IN = (
    f"give a token with --token-file or {TOKEN_VARIABLE}, or what a logged-in browser sends "
    f"with --cookies-file or {COOKIES_VARIABLE}"
)


class PassingError(ClusterError):
    """The server does not answer now, and may do so later."""


class UnclearError(ClusterError):
    """Nobody knows whether what was to be made has been made."""


class NotFoundError(ClusterError):
    """The server does not know what was asked for."""


class ConflictError(ClusterError):
    """What was to be made is there already."""


@dataclass(frozen=True)
class Refusal:
    """Why a request failed.

    Attributes:
        error: for the user.
        passing: the same request may succeed a moment later.
        arrived: the server may have done what it was asked for.
    """

    error: WarmstartError
    passing: bool
    arrived: bool


def refusal(failed: Exception, address: str, secrets: Secrets) -> Refusal:
    """Explains what the client raised.

    Args:
        failed: an ApiException, what urllib3 raises, or a slip of the client over either.
        address: of the server.
        secrets: which are not repeated, whoever else does.
    """
    # An answer without a body, or one that is not UTF-8, breaks the client's own reporting.
    if isinstance(failed.__context__, ApiException):
        failed = failed.__context__
    if isinstance(failed, ApiException):
        _forget(failed, secrets)
        if failed.status:
            return _of_status(failed, address)
        what = reason_in(str(failed.reason))
        untrusted = ClusterError(
            f"{address} cannot be spoken to through TLS ({what}): check whether it is http://, or "
            "name the certificates that sign its own with --ca-file."
        )
        return Refusal(untrusted, passing=False, arrived=False)
    what = secrets.removed_from(reason_in(str(failed)))
    if isinstance(failed, urllib3.exceptions.ReadTimeoutError):
        slow = PassingError(f"{address} does not answer in time; try again later.")
        return Refusal(slow, passing=True, arrived=True)
    sent = isinstance(failed, urllib3.exceptions.ProtocolError)
    away = PassingError(
        f"{address} cannot be reached ({what}): check --host, and that the server runs; a port of "
        "a cluster is forwarded with `kubectl port-forward --namespace kubeflow "
        "service/ml-pipeline-ui 8080:80`."
    )
    return Refusal(away, passing=True, arrived=sent)


def html_answer(address: str, kind: str) -> ClusterError:
    """Returns what to say where a page or something else came instead of JSON."""
    return ClusterError(
        f"{address} answers with {kind or 'nothing'}, not as Kubeflow Pipelines does: check the "
        "address, which ends with /pipeline where all of Kubeflow is installed, and whether a "
        f"login stands before it; then {_LOG_IN}."
    )


def reason_in(said: str) -> str:
    """Returns what went wrong in what urllib3 says, without the object that it puts before it."""
    text = said.strip().rsplit("\n", 1)[-1]
    found = re.search(r"\[Errno -?\d+\] ([^)'\"]+)", text)
    return (found[1] if found else text.rsplit(": ", 1)[-1]).strip()[:_MOST_SAID]


def _of_status(failed: ApiException, address: str) -> Refusal:
    status, said = failed.status, _said(failed)
    if status == 401 or 300 <= status < 400:
        what = "wants a login" if status == 401 else f"leads to another page ({status})"
        error: WarmstartError = ClusterError(f"{address} {what}: {_LOG_IN}.")
    elif status == 403:
        error = ClusterError(
            f"{address} does not allow this (403{said}): ask for the right, or name another "
            "namespace with --namespace."
        )
    elif status == 404:
        error = NotFoundError(f"{address} does not know what was asked for (404{said}).")
    elif status == 409:
        error = ConflictError(f"{address} has that already (409{said}).")
    elif status == 400:
        error = ConfigError(f"{address} refuses the request (400{said}).")
    else:
        kind = PassingError if status in _PASSING else ClusterError
        error = kind(f"{address} failed ({status}{said}); try again later.")
    return Refusal(error, passing=status in _PASSING, arrived=status not in {429, 503})


def _said(failed: ApiException) -> str:
    """Returns what the server says after a colon; empty, if it is nothing for people."""
    try:
        answer = json.loads(failed.body or "")
    except ValueError:
        return ""
    found = (
        [answer.get(key) for key in ("message", "error", "error_message")]
        if isinstance(answer, dict)
        else []
    )
    text = next((one for one in found if isinstance(one, str) and one.strip()), "")
    line = " ".join(text.split()).rstrip(".")
    return f": {line[:_MOST_SAID]}" if line else ""


def _forget(failed: ApiException, secrets: Secrets) -> None:
    """Takes out of an exception what `--debug` would print and nobody else should read."""
    failed.headers = None
    body = failed.body.decode(errors="replace") if isinstance(failed.body, bytes) else failed.body
    failed.body = secrets.removed_from(body) if body else None
    failed.reason = secrets.removed_from(str(failed.reason))
