"""Puts a compiled pipeline on the server, as a version of the pipeline of its name.

A version is named by the time and by its content: 20261126-070000-3f9a2c1b7d04. The newest one is
what a schedule runs, so only that one is compared with: what was replaced may come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kfp_server_api import V2beta1Pipeline

from pipelines.kubeflow_client.lookup import by_name
from pipelines.kubeflow_client.refusals import ConflictError, UnclearError
from pipelines.kubeflow_client.server import Server
from pipelines.kubeflow_client.spec_file import SpecFile


@dataclass(frozen=True)
class Upload:
    """The version of a pipeline that is the newest now.

    Attributes:
        pipeline_id: of the pipeline.
        pipeline: its name.
        version_id: of the version.
        version: its name.
        is_new: it was uploaded just now.
    """

    pipeline_id: str
    pipeline: str
    version_id: str
    version: str
    is_new: bool


def upload(server: Server, spec: SpecFile, *, name: str | None = None) -> Upload:
    """Makes a compiled pipeline the newest version of its name; equal content is not sent again.

    Args:
        server: that gets it.
        spec: the compiled pipeline.
        name: of the pipeline on the server; by default that in the file.

    Raises:
        WarmstartError: if the server does not take it.
    """
    name = name or spec.name
    pipeline = _pipeline(server, name)
    newest = _newest_version(server, pipeline)
    if newest and str(newest.display_name).endswith(f"-{spec.digest}"):
        return _upload(pipeline, newest, is_new=False)
    version = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{spec.digest}"
    try:
        made = server.call(
            server.api.pipeline_uploads.upload_pipeline_version,
            creates=True,
            uploadfile=str(spec.path),
            name=version,
            pipelineid=pipeline.pipeline_id,
        )
    except (ConflictError, UnclearError):
        made = _newest_version(server, pipeline)
        if not made or made.display_name != version:
            raise
    return _upload(pipeline, made, is_new=True)


def _upload(pipeline: Any, version: Any, *, is_new: bool) -> Upload:
    return Upload(
        pipeline.pipeline_id,
        pipeline.display_name,
        version.pipeline_version_id,
        version.display_name,
        is_new,
    )


def _pipeline(server: Server, name: str) -> Any:
    """Returns the pipeline of a name; a new one is empty, so that each version has its digest."""
    found = _find_pipeline(server, name)
    if found:
        return found
    try:
        return server.call(
            server.api.pipelines.pipeline_service_create_pipeline,
            creates=True,
            pipeline=V2beta1Pipeline(display_name=name, namespace=server.namespace),
        )
    except (ConflictError, UnclearError):
        found = _find_pipeline(server, name)
        if not found:
            raise
        return found


def _find_pipeline(server: Server, name: str) -> Any | None:
    found = server.listed(
        server.api.pipelines.pipeline_service_list_pipelines,
        "pipelines",
        filter=by_name(name),
        namespace=server.namespace,
    )
    return next(found, None)


def _newest_version(server: Server, pipeline: Any) -> Any | None:
    versions = server.listed(
        server.api.pipelines.pipeline_service_list_pipeline_versions,
        "pipeline_versions",
        pipeline_id=pipeline.pipeline_id,
        sort_by="created_at desc",
    )
    return next(versions, None)
