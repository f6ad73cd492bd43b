"""Brings ImageNet weights into the weight cache, and checks them whenever they are used."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests
from keras.src.utils import file_utils
from urllib3.exceptions import NewConnectionError

from components.backbone.cache import CACHE_VARIABLE, cache_folder
from components.backbone.weights import checksum_file, file_digest, sha256, verify
from components.connection import failure
from schemas.errors import ModelError

# Seconds to wait before each further attempt.
PAUSES = (1.0, 2.0, 4.0)

# Seconds to connect, and between two chunks.
TIMEOUTS = (10.0, 60.0)

_CHUNK = 1 << 20
_SHA256_LENGTH = 64  # In hex; the hashes that keras.applications knows are that or MD5.
_lock = threading.Lock()

_log = logging.getLogger(__name__)


@contextmanager
def weights_from_cache() -> Iterator[list[Path]]:
    """Makes keras.applications take its weights from the weight cache while a backbone is built.

    Yields:
        The files that were taken.

    Raises:
        ModelError: if the file is not in the cache and cannot be downloaded into it, or is
            damaged.
    """
    taken: list[Path] = []

    def get_file(fname: str, origin: str, file_hash: str | None = None, **_: Any) -> str:
        taken.append(_fetched(fname, origin, file_hash))
        return str(taken[-1])

    # The builders have no argument for a folder, and KERAS_HOME is read when Keras is imported.
    # All of them call this function.
    with _lock:
        original = file_utils.get_file
        file_utils.get_file = get_file
        try:
            yield taken
        finally:
            file_utils.get_file = original


def _fetched(name: str, url: str, published: str | None) -> Path:
    """Returns a file of the cache, downloaded if need be.

    Args:
        name: of the file.
        url: where it is published.
        published: its hash according to Keras, which has none for MobileNet and MobileNetV2:
            there only the SHA-256 of the first download is held on to.
    """
    file = cache_folder() / name
    if not file.is_file():
        _download(file, url, published)
    elif checksum_file(file).is_file():
        verify(file)
    else:
        _check_published(file, file, url, published)
        _record(file)
    return file


def _download(file: Path, url: str, published: str | None) -> None:
    """Downloads to a temporary name first: others may look for the file meanwhile."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            _receive(url, partial)
        except OSError as error:
            raise ModelError(
                f"backbone.weights = imagenet: {file} is missing and could not be downloaded "
                f"({_reason(error)}); put {url} there by other means, name a folder that has it in "
                f"{CACHE_VARIABLE}, or set backbone.weights to embedded or a .weights.h5 file."
            ) from error
        _check_published(partial, file, url, published)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    _record(file)


def _receive(url: str, file: Path) -> None:
    """Downloads a file; Keras' own function waits for ever, and asks once.

    Raises:
        OSError: if the server cannot be reached, refuses or breaks off too often; or if the file
            cannot be written.
    """
    pauses = iter(PAUSES)
    with requests.Session() as session:
        while True:
            try:
                with session.get(url, stream=True, timeout=TIMEOUTS) as response:
                    response.raise_for_status()
                    with file.open("wb") as stream:
                        for chunk in response.iter_content(_CHUNK):
                            stream.write(chunk)
                return
            except requests.RequestException as error:
                pause = next(pauses, None)
                if pause is None or not _may_pass(error):
                    raise
                _log.warning("%s: %s; it is asked again.", url, failure(error))
                time.sleep(pause)


def _may_pass(error: requests.RequestException) -> bool:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        status = error.response.status_code
        busy = status == HTTPStatus.TOO_MANY_REQUESTS
        return busy or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    # A server that cannot be reached at all: there is no network.
    cause = next(iter(error.args), None)
    return not isinstance(getattr(cause, "reason", None), NewConnectionError)


def _check_published(content: Path, file: Path, url: str, published: str | None) -> None:
    if not published:
        return
    algorithm = "sha256" if len(published) == _SHA256_LENGTH else "md5"
    digest = file_digest(content, algorithm)
    if digest != published:
        raise ModelError(
            f"{file} is damaged or another file: its {algorithm.upper()} is {digest}, Keras "
            f"expects {published}; remove it, or put {url} there."
        )


def _record(file: Path) -> None:
    record = checksum_file(file)
    partial = record.with_name(f".{record.name}.{os.getpid()}")
    try:
        partial.write_text(f"{sha256(file)}  {file.name}\n", encoding="utf-8")
        partial.replace(record)
    except OSError:
        # Mounted read-only, as in a container: what is recorded there, or published, must do.
        return


def _reason(error: OSError) -> str:
    if isinstance(error, requests.RequestException):
        return failure(error)
    return error.strerror or str(error)
