"""Raises what a worker of Beam raised: Beam adds where that was, or hands on the text alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from schemas import errors
from schemas.errors import WarmstartError

# How Python writes one of our errors at the end of a traceback, and what Beam appends.
_AS_TEXT = re.compile(r"schemas\.errors\.(?P<kind>\w+): (?P<sentence>.+)")
_WHERE = re.compile(r" \[while running '.*")


@contextmanager
def as_raised_in_worker() -> Iterator[None]:
    """Raises an error of ours that came from a worker as the worker raised it; others pass.

    Raises:
        WarmstartError: of the same kind, with the sentence alone.
    """
    try:
        yield
    except Exception as error:
        if found := _ours(error):
            raise found from error
        raise


def _ours(error: Exception) -> WarmstartError | None:
    if isinstance(error, WarmstartError):
        return type(error)(_WHERE.sub("", str(error)))
    said = _AS_TEXT.search(str(error))
    kind = getattr(errors, said["kind"], None) if said else None
    if said and isinstance(kind, type) and issubclass(kind, WarmstartError):
        return kind(_WHERE.sub("", said["sentence"]))
    return None
