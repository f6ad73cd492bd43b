"""Asks the workers of a Dask cluster whether they could do the work."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import distributed

from components.code_digest import code_digest
from components.dataset.storage import is_remote
from schemas.errors import ConfigError

_SECONDS = 10

# What elements and code are handed over with.
_PACKAGES = ("apache-beam", "tensorflow", "tfx")


def check_workers(address: str, places: Mapping[str, str]) -> None:
    """Fails if a worker has no warmstart, another one, or does not see a place.

    Args:
        address: of the scheduler.
        places: by the option that names them.

    Raises:
        ConfigError: if so.
    """
    local = {option: place for option, place in places.items() if not is_remote(place)}
    try:
        with distributed.Client(address, timeout=_SECONDS, set_as_default=False) as client:
            found = client.run(probe, list(local.values()), on_error="return")
    except (OSError, TimeoutError) as error:
        raise ConfigError(
            f"engine.address = {address}: no scheduler of Dask answers there; correct the address."
        ) from error
    if not found:
        raise ConfigError(
            f"engine.address = {address}: the scheduler has no workers; start some with "
            f"`dask worker {address}`."
        )
    for worker, said in found.items():
        _check_worker(worker, said, local)


def probe(places: Sequence[str]) -> dict[str, Any]:
    """Returns what this process is: it runs on each worker.

    Args:
        places: that it should see.
    """
    return {
        "code": code_digest("components", "decoding", "pipelines", "schemas"),
        "versions": {package: version(package) for package in _PACKAGES},
        "unseen": [place for place in places if not os.path.exists(place)],
    }


def _check_worker(worker: str, said: Any, places: Mapping[str, str]) -> None:
    start = f"engine.name = dask: the worker {worker}"
    if isinstance(said, BaseException):
        raise ConfigError(
            f"{start} cannot import warmstart ({type(said).__name__}: {said}); start it in an "
            "environment that has it, such as the image."
        )
    here = probe([])
    for package, number in here["versions"].items():
        if said["versions"][package] != number:
            raise ConfigError(
                f"{start} has {package} {said['versions'][package]}, and this process {number}; "
                "start it in an environment with the same versions, such as the image."
            )
    if said["code"] != here["code"]:
        raise ConfigError(
            f"{start} has another version of warmstart; start it again with this one."
        )
    for option, place in places.items():
        if place in said["unseen"]:
            raise ConfigError(
                f"{start} does not see {option} {place}; put it where all of them find it under "
                "the same name."
            )
