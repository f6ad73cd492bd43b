"""Tests of where a step finds what lies in object storage."""

from __future__ import annotations

import pytest

from pipelines.kubeflow.uris import local_path, remote_uri

# As Kubeflow's launcher says (backend/src/v2/component/launcher_v2.go, LocalPathForURI).
PLACES = {
    "minio://mlpipeline/v2/artifacts/a": "/minio/mlpipeline/v2/artifacts/a",
    "s3://bucket/a/b": "/s3/bucket/a/b",
    "gs://bucket/a": "/gcs/bucket/a",
}


@pytest.mark.parametrize(("uri", "path"), PLACES.items(), ids=PLACES)
def test_address_and_the_launcher_s_folder_stand_for_each_other(uri: str, path: str) -> None:
    assert local_path(uri) == path
    assert remote_uri(path) == uri


@pytest.mark.parametrize("text", ["/models/3", "/minionette/a", "blessed", "", "/minio"])
def test_any_other_text_stays(text: str) -> None:
    assert local_path(text) == text
    assert remote_uri(text) == text
