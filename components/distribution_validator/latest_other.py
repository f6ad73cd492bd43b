"""Which statistics a run's are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def latest_other(
    statistics: Iterable[Any], current: Iterable[Any], exists: Callable[[str], bool]
) -> Any | None:
    """Returns the latest statistics that are not those of this run, or None.

    Args:
        statistics: all of the pipeline, of ML Metadata or TFX.
        current: those of this run.
        exists: tells whether there is a folder; statistics whose folder was deleted do not count.
    """
    own = {artifact.id for artifact in current}
    others = (artifact for artifact in statistics if artifact.id not in own)
    latest_first = sorted(others, key=lambda artifact: artifact.id, reverse=True)
    return next((artifact for artifact in latest_first if exists(artifact.uri)), None)
