"""Tests of finding TensorBoard's logs, in stores of ML Metadata written by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipelines.folders import OutputFolders
from review.model_runs import ModelRun, find_model_run
from schemas.errors import ConfigError, PipelineError


class Store:
    """A store of ML Metadata in an output folder, as TFX fills it."""

    def __init__(self, root: Path) -> None:
        self.output = OutputFolders(root)
        config = mlmd.ConnectionConfig()
        config.sqlite.filename_uri = str(self.output.metadata)
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self._store = MetadataStore(config)
        self._run_type = self._store.put_context_type(mlmd.ContextType(name="pipeline_run"))
        self._trainer = self._store.put_execution_type(mlmd.ExecutionType(name="Trainer"))
        self._artifact_types = {
            name: self._store.put_artifact_type(mlmd.ArtifactType(name=name))
            for name in ("Model", "ModelRun")
        }

    def add_run(self, run_id: str, *artifacts: Any) -> None:
        """Adds a run whose Trainer put out these artifacts; without any, it failed."""
        context = mlmd.Context(type_id=self._run_type, name=run_id)
        execution = mlmd.Execution(type_id=self._trainer)
        event = mlmd.Event(type=mlmd.Event.OUTPUT)
        pairs = [(artifact, event) for artifact in artifacts]
        self._store.put_execution(execution, pairs, [context])

    def artifact(self, kind: str, folder: Path) -> Any:
        """Makes an artifact, and its folder."""
        folder.mkdir(parents=True)
        return mlmd.Artifact(type_id=self._artifact_types[kind], uri=str(folder))

    def known(self, uri: Path) -> Any:
        """Returns an artifact that is in the store already."""
        (artifact,) = self._store.get_artifacts_by_uri(str(uri))
        return artifact


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three runs: one trained, one took its Trainer from the cache, one failed."""
    store = Store(tmp_path)
    store.add_run(
        "first",
        store.artifact("Model", tmp_path / "model" / "1"),
        store.artifact("ModelRun", tmp_path / "model_run" / "1"),
    )
    store.add_run(
        "cached", store.known(tmp_path / "model" / "1"), store.known(tmp_path / "model_run" / "1")
    )
    store.add_run("second", store.artifact("ModelRun", tmp_path / "model_run" / "2"))
    store.add_run("failed")
    return store


@pytest.mark.parametrize(
    ("run_id", "found", "number"),
    [
        (None, "second", "2"),
        ("second", "second", "2"),
        ("first", "first", "1"),
        ("cached", "cached", "1"),
    ],
    ids=["newest that has logs", "newest by name", "oldest", "cached"],
)
def test_logs_are_those_of_the_run(
    store: Store, tmp_path: Path, run_id: str | None, found: str, number: str
) -> None:
    folder = tmp_path / "model_run" / number

    assert find_model_run(store.output, run_id) == ModelRun(found, folder)


def said(output: OutputFolders, run_id: str | None, error: type[Exception]) -> str:
    with pytest.raises(error) as refused:
        find_model_run(output, run_id)
    return str(refused.value)


def test_unknown_run_lists_the_newest(store: Store, tmp_path: Path) -> None:
    assert said(store.output, "third", ConfigError) == (
        f"--run third: {tmp_path} holds no such run; the newest are failed, second, cached, first."
    )


def test_unknown_run_lists_ten_at_most(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(12):
        store.add_run(f"r{number}")

    assert said(store.output, "x", ConfigError) == (
        f"--run x: {tmp_path} holds no such run; the newest are r11, r10, r9, r8, r7, r6, r5, r4, "
        "r3, r2, and 2 more."
    )


def test_run_that_failed_has_no_logs(store: Store) -> None:
    assert said(store.output, "failed", PipelineError) == (
        "Run failed has no TensorBoard logs, because no Trainer came to its end; run the "
        "pipeline again."
    )


def test_runs_that_all_failed_have_no_logs(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add_run("one")
    store.add_run("two")

    assert said(store.output, None, PipelineError) == (
        "The 2 runs have no TensorBoard logs, because no Trainer came to its end; run "
        "the pipeline again."
    )


def test_logs_that_were_removed_are_reported(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "model_run" / "2"
    folder.rmdir()

    assert said(store.output, None, PipelineError) == (
        f"The TensorBoard logs of run second are gone from {folder}; name another run with "
        "--run, or run the pipeline again."
    )


def test_folder_without_a_store_asks_for_a_run(tmp_path: Path) -> None:
    assert said(OutputFolders(tmp_path), None, ConfigError) == (
        f"--output {tmp_path} holds no run (no metadata.sqlite); run the pipeline first, with "
        "`warmstart pipeline run`, or name the folder that it wrote to."
    )
    assert list(tmp_path.iterdir()) == []


def test_store_without_a_run_asks_for_one(tmp_path: Path) -> None:
    assert said(Store(tmp_path).output, None, ConfigError) == (
        f"--output {tmp_path} holds no run; run the pipeline first, with `warmstart pipeline run`."
    )


def test_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    output = OutputFolders(tmp_path)
    output.metadata.write_text("This is no database, though it has the name of one.\n" * 20)

    assert said(output, None, PipelineError) == (
        f"{output.metadata} cannot be read (file is not a database); it is damaged or no store of "
        "ML Metadata: "
        f"`warmstart doctor --repair --output {output.metadata.parent}` puts back the copy from "
        "before the latest run."
    )


def test_looking_for_logs_changes_nothing(store: Store) -> None:
    before = store.output.metadata.read_bytes()

    find_model_run(store.output)

    assert store.output.metadata.read_bytes() == before


def test_module_imports_neither_tensorflow_nor_tfx() -> None:
    script = "import sys, review.model_runs; print(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "ml_metadata" in loaded
    assert {"tensorflow", "tfx", "keras", "apache_beam"}.isdisjoint(loaded)
