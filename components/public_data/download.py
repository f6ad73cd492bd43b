"""Downloads an archive so that neither a broken connection nor Ctrl-C costs what has arrived.

What arrives is appended to a partial file. The next request asks for the rest of it by Range, and
by If-Range only of the version that the partial file is of: any other is sent from its beginning.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import requests

from components.connection import failure
from components.public_data.registry import PublicDataset
from schemas.errors import ConfigError, DataError, printable

# Seconds to wait before each further attempt. What arrives in between starts the row anew.
PAUSES = (1.0, 2.0, 4.0, 8.0)

_TIMEOUTS = (10, 60)  # Seconds to connect, and between two chunks.
_CHUNK = 1 << 16  # Bytes: at most this much is lost when a connection breaks off.
_MEGABYTE = 1e6


def download(
    dataset: PublicDataset, partial: Path, on_bytes: Callable[[int], None] = lambda _: None
) -> None:
    """Downloads an archive, or the rest of it, and checks its SHA-256.

    Args:
        dataset: whose archive it is.
        partial: file to write to, which may hold the beginning. It is kept when the download
            breaks off, and deleted when it turns out to be of another file.
        on_bytes: is told how many bytes have arrived in all, again and again. The number falls if
            the server starts from the beginning.

    Raises:
        DataError: if the server cannot be reached, breaks off too often, or has another file; or
            if the disk is full.
    """
    if received(partial) > dataset.size:
        discard(partial)
    on_bytes(received(partial))
    _receive_all(dataset, partial, on_bytes)
    digest = _sha256(partial)
    if digest != dataset.sha256:
        discard(partial)
        raise _other_file(dataset, f"its SHA-256 is {digest}, not {dataset.sha256}")
    _version_file(partial).unlink(missing_ok=True)


def check_archive(dataset: PublicDataset, archive: Path) -> None:
    """Checks an archive that was downloaded by other means.

    Raises:
        ConfigError: if there is no such file.
        DataError: if it is another file, or cannot be read.
    """
    name = printable(str(archive))
    if not archive.is_file():
        raise ConfigError(
            f"--archive {name} is no file; name the file that you have from {dataset.url}."
        )
    try:
        size = archive.stat().st_size
        digest = _sha256(archive) if size == dataset.size else ""
    except OSError as error:
        raise DataError(f"--archive {name}: {error.strerror}; make it readable.") from error
    if digest == dataset.sha256:
        return
    what = f"its SHA-256 is {digest}, not {dataset.sha256}"
    if not digest:
        what = f"it has {size} bytes, not {dataset.size}"
    raise DataError(
        f"--archive {name} is not the archive of {dataset.name}: {what}; download {dataset.url} "
        "again."
    )


def received(partial: Path) -> int:
    """Returns how many bytes a partial file holds."""
    return partial.stat().st_size if partial.exists() else 0


def discard(partial: Path) -> None:
    """Deletes a partial file and what is remembered of its version."""
    partial.unlink(missing_ok=True)
    _version_file(partial).unlink(missing_ok=True)


def megabytes(count: int) -> str:
    """Writes a number of bytes for people."""
    return f"{count / _MEGABYTE:.1f} MB"


def _receive_all(dataset: PublicDataset, partial: Path, on_bytes: Callable[[int], None]) -> None:
    answered = False
    failures, furthest = 0, received(partial)
    with requests.Session() as session:
        while received(partial) < dataset.size:
            reason = "the connection broke off"
            try:
                with _ask(session, dataset, partial) as response:
                    answered = True
                    _append(response, dataset, partial, on_bytes)
            except requests.RequestException as error:
                reason = failure(error)
            except OSError as error:
                raise DataError(
                    f"{printable(str(partial))}: {error.strerror}; what has arrived is kept, so "
                    "mend that and run the same command again."
                ) from error
            length = received(partial)
            if length == dataset.size:
                return
            if length > furthest:
                failures, furthest = 0, length
            # A server that was never reached is no broken connection: there is no network.
            if not answered:
                raise _not_downloaded(dataset, partial, reason, "when there is a network")
            if failures >= len(PAUSES):
                raise _not_downloaded(dataset, partial, reason)
            time.sleep(PAUSES[failures])
            failures += 1


def _ask(session: requests.Session, dataset: PublicDataset, partial: Path) -> requests.Response:
    # Compressed on the way, the bytes would be others than those that the size counts.
    headers = {"Accept-Encoding": "identity"}
    length = received(partial)
    if length:
        headers["Range"] = f"bytes={length}-"
        version = _version_file(partial)
        if version.exists():
            headers["If-Range"] = version.read_text(encoding="latin-1")
    return session.get(dataset.url, headers=headers, stream=True, timeout=_TIMEOUTS)


def _append(
    response: requests.Response,
    dataset: PublicDataset,
    partial: Path,
    on_bytes: Callable[[int], None],
) -> None:
    status = response.status_code
    begin, total = 0, dataset.size
    if status == HTTPStatus.PARTIAL_CONTENT:
        begin, total = _content_range(response, dataset.size)
    elif status == HTTPStatus.OK:
        total = int(response.headers.get("Content-Length", dataset.size))
    elif status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        discard(partial)
        return
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        raise requests.HTTPError(_status(response))
    else:
        raise _not_downloaded(dataset, partial, _status(response))
    if begin != received(partial):
        discard(partial)
        if begin:
            return
    if total != dataset.size:
        discard(partial)
        raise _other_file(dataset, f"it has {total} bytes, not {dataset.size}")
    _receive(response, dataset, partial, on_bytes)


def _receive(
    response: requests.Response,
    dataset: PublicDataset,
    partial: Path,
    on_bytes: Callable[[int], None],
) -> None:
    _remember_version(response, partial)
    length = received(partial)
    with partial.open("ab") as file:
        for chunk in response.iter_content(_CHUNK):
            # A server that does not say how much it sends may send without end.
            file.write(chunk[: dataset.size - length])
            length += len(chunk)
            if length > dataset.size:
                break
            on_bytes(length)
    if length > dataset.size:
        discard(partial)
        raise _other_file(dataset, f"it has more than {dataset.size} bytes")


def _content_range(response: requests.Response, size: int) -> tuple[int, int]:
    """Returns where a part begins, -1 if that is not said, and the bytes of the whole."""
    said = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not said:
        return -1, size
    return int(said[1]), size if said[2] == "*" else int(said[2])


def _remember_version(response: requests.Response, partial: Path) -> None:
    # RFC 9110, 13.1.5: If-Range takes no weak ETag.
    version = response.headers.get("ETag", "")
    if not version or version.startswith("W/"):
        version = response.headers.get("Last-Modified", "")
    if version:
        _version_file(partial).write_text(version, encoding="latin-1")
    else:
        _version_file(partial).unlink(missing_ok=True)


def _version_file(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.version")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _status(response: requests.Response) -> str:
    return f"the server answers {response.status_code} {response.reason}".rstrip()


def _not_downloaded(
    dataset: PublicDataset, partial: Path, reason: str, when: str = "later"
) -> DataError:
    length = received(partial)
    kept = f", to go on after the {megabytes(length)} that have arrived" if length else ""
    return DataError(
        f"{dataset.name}: {dataset.url} could not be downloaded ({reason}); run the same command "
        f"again {when}{kept}, or get this file by other means and name it with "
        "--archive FILE."
    )


def _other_file(dataset: PublicDataset, what: str) -> DataError:
    return DataError(
        f"{dataset.name}: {dataset.url} is another file than it was: {what}; nothing of it was "
        "kept, so run the same command again, or get the right file by other means and name it "
        "with --archive FILE."
    )
