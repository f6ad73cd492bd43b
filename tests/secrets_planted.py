"""Secrets where users keep theirs, and a search for them in whatever was written."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# In each of them: what is searched for.
SECRET = "planted-Zk3vX9q"

_VARIABLES = (
    *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_KEY", "GITHUB_TOKEN"),
    *("GOOGLE_API_KEY", "HF_TOKEN", "KAGGLE_KEY", "KF_PIPELINES_SA_TOKEN", "KFP_TOKEN"),
    *("MYSQL_PASSWORD", "MINIO_SECRET_KEY", "PIP_INDEX_URL", "WARMSTART_REVIEW_TOKEN"),
    *("WARMSTART_KUBEFLOW_TOKEN", "WARMSTART_KUBEFLOW_COOKIES", "WARMSTART_PASSWORD"),
)


@contextmanager
def planted_secrets() -> Iterator[None]:
    """Plants one in each variable, for a time, and one in the address of a proxy."""
    with pytest.MonkeyPatch.context() as patch:
        for name in _VARIABLES:
            patch.setenv(name, SECRET)
        patch.setenv("HTTPS_PROXY", f"http://user:{SECRET}@127.0.0.1:9")
        yield


def files_that_hold(folder: Path, text: str) -> tuple[list[str], int]:
    """Returns the files that hold a text, packed or not, and how many files there are."""
    wanted = text.encode()
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    found = [
        file.relative_to(folder).as_posix()
        for file in files
        if any(wanted in content for content in _contents(file))
    ]
    return found, len(files)


def _contents(file: Path) -> Iterator[bytes]:
    content = file.read_bytes()
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                yield archive.read(name)
