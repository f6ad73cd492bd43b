"""Artifacts with the files that a test wants, and those of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pipeline_runs import PipelineRuns

from review.files import ArtifactFiles
from review.history import History
from review.records import Artifact, Run
from review.store import opened

_NOW = datetime.now(UTC)


def placed(root: Path, contents: Mapping[str, bytes]) -> tuple[ArtifactFiles, Artifact]:
    """Writes files into an artifact below a folder."""
    folder = root / "artifact"
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return ArtifactFiles(root), Artifact(1, "Any", str(folder), "live", _NOW, _NOW)


@contextmanager
def opened_at_first(runs: PipelineRuns) -> Iterator[tuple[History, Run]]:
    """Opens the store of a run named `first`, and finds it."""
    with opened(runs.output) as store:
        history = History(store, runs.output.root)
        yield history, run_named(history, "first")


def run_named(history: History, name: str) -> Run:
    """Returns the run with a name."""
    (run,) = history.read(head for head in history.runs() if head.name == name)
    return run


@contextmanager
def artifact_of(runs: PipelineRuns, node: str, output: str) -> Iterator[tuple[History, Artifact]]:
    """Opens the store of a run named `first`, and finds what a component of it made."""
    with opened_at_first(runs) as (history, run):
        execution = run.execution_of(node)
        assert execution is not None
        (artifact,) = history.artifacts(execution.outputs[output]).values()
        yield history, artifact
