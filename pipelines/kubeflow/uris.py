"""Where Kubeflow's launcher keeps what lies in object storage, while a step runs."""

from __future__ import annotations

import os

# By scheme, the folder in which the launcher puts inputs and from which it takes outputs. Vertex AI
# shows the buckets themselves at the same place.
_FOLDERS = {"minio://": "minio", "s3://": "s3", "gs://": "gcs"}

# What those folders lie in: the container's root, unless a test says otherwise.
_ROOT_VARIABLE = "WARMSTART_LAUNCHER_ROOT"


def local_path(uri: str) -> str:
    """Returns where an artifact lies for the step: TensorFlow reads neither minio:// nor s3://."""
    for scheme, folder in _FOLDERS.items():
        if uri.startswith(scheme):
            return os.path.join(_root(), folder, uri.removeprefix(scheme))
    return uri


def remote_uri(path: str) -> str:
    """Returns where a local path comes from; any other text stays as it is."""
    for scheme, folder in _FOLDERS.items():
        below = os.path.join(_root(), folder, "")
        if path.startswith(below):
            return scheme + path.removeprefix(below)
    return path


def _root() -> str:
    return os.environ.get(_ROOT_VARIABLE, "/")
