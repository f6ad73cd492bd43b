"""Runs a compiled pipeline on this machine with kfp.local, as a cluster would show it to the steps.

kfp.local hands over local paths and typed inputs. A cluster's launcher hands over addresses in
object storage and untyped inputs with a number for a name, and adds an output for logs; Vertex AI
hands over addresses with a number behind the step, and typed inputs with long names.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from kfp import components, local
from kfp.local import executor_input_utils
from kfp.local.subprocess_task_handler import SubprocessTaskHandler
from kfp.pipeline_spec import pipeline_spec_pb2

BUCKET = "minio://mlpipeline/v2/artifacts"


@dataclass(frozen=True)
class View:
    """What the steps are shown.

    Attributes:
        bucket: where artifacts lie.
        folder: what the bucket's scheme is among the folders of a step.
        name: of an artifact, with a place for a number.
        task: the part of an address that says which step it is from, with a place for its name.
        is_open_source: whether inputs have no types, and there is an output for logs.
    """

    bucket: str
    folder: str
    name: str
    task: str
    is_open_source: bool

    def below(self, folder: Path) -> Path:
        """Returns where the bucket is on this machine."""
        return folder / self.folder / self.bucket.partition("://")[2]


KUBEFLOW = View(BUCKET, "minio", "{}", "{}", is_open_source=True)
VERTEX = View(
    "gs://example-bucket/runs/1234567890",
    "gcs",
    "projects/1234567890/locations/europe-west4/metadataStores/default/artifacts/1744670737095{}",
    "{}_-5678901234",
    is_open_source=False,
)


def run_compiled(
    file: Path, folder: Path, *, view: View = KUBEFLOW, **arguments: Any
) -> dict[str, dict[str, Any]]:
    """Runs every step in a process of its own; returns what each told the launcher, by its name.

    Args:
        file: the compiled pipeline.
        folder: what object storage and the pods' folders are to this machine.
        view: what the steps are shown.
        arguments: of the pipeline, by name.

    Raises:
        RuntimeError: if a step fails.
    """
    with _as_on_a_cluster(folder, view):
        local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(view.below(folder)))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="You may be attemping to run a task")
            components.load_component_from_file(str(file))(**arguments)
    (run,) = view.below(folder).iterdir()
    return {told.parent.name: _read(told) for told in run.glob("*/executor_output.json")}


@contextmanager
def _as_on_a_cluster(folder: Path, view: View) -> Iterator[None]:
    ids = count(1)
    made = executor_input_utils.artifact_type_schema_to_artifact_list
    handed = executor_input_utils.dsl_artifact_to_artifact_list
    construct = executor_input_utils.construct_executor_input

    def outputs(**known: Any) -> Any:
        found = made(**known)
        (artifact,) = found.artifacts
        run, task, output = Path(artifact.uri).relative_to(view.below(folder)).parts
        artifact.uri = "/".join((view.bucket, run, view.task.format(task), output))
        return found

    def inputs(artifact: Any) -> Any:
        found = handed(artifact)
        (one,) = found.artifacts
        if view.is_open_source:
            one.type.Clear()
        one.name = view.name.format(next(ids))
        assert one.uri.startswith(view.bucket)
        return found

    def with_logs(**known: Any) -> Any:
        found = construct(**known)
        logs = pipeline_spec_pb2.RuntimeArtifact(name="executor-logs", uri=f"{view.bucket}/logs")
        logs.type.schema_title = "system.Artifact"
        found.outputs.artifacts["executor-logs"].artifacts.append(logs)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor_input_utils, "artifact_type_schema_to_artifact_list", outputs)
        patch.setattr(executor_input_utils, "dsl_artifact_to_artifact_list", inputs)
        if view.is_open_source:
            patch.setattr(executor_input_utils, "construct_executor_input", with_logs)
        # kfp.local runs functions in Python only, not what stands for a container; ours is both.
        patch.setattr(
            SubprocessTaskHandler, "validate_not_container_component", lambda self, command: None
        )
        patch.setenv("WARMSTART_LAUNCHER_ROOT", str(folder))
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        root = str(Path(__file__).resolve().parent.parent)
        patch.setenv("PYTHONPATH", root, prepend=os.pathsep)
        yield


def _read(told: Path) -> dict[str, Any]:
    message = json_format.Parse(told.read_text(), pipeline_spec_pb2.ExecutorOutput())
    found: dict[str, Any] = json_format.MessageToDict(message)
    return found
