"""Removes runs, and the artifacts that nothing needs any more.

An artifact is needed by each run that is kept and made, used or reused it; by each blessed model,
which a later one may be compared with: the model, its evaluation and its blessing; and by each
pushed model that is still there: all that it was made from.

It is marked as deleted in ML Metadata before its files go, so that a kill in between leaves
nothing that a later run would take for a result; the next `gc` removes the rest. The store keeps
its entries: what was is still told. Nothing outside the output folder's own `artifacts` and `runs`
is removed, whatever a store says, and no pushed version is.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2

from review.files import local_folder, size_of
from review.history import History
from review.records import DELETED, LIVE, UNFINISHED, Artifact, Execution, Run
from review.store import Output
from schemas import run_record
from schemas.errors import PipelineError

_BLESSING = "ModelBlessing"
_MODEL = "Model"
_PUSHED = "PushedModel"


@dataclass(frozen=True)
class Removal:
    """What is removed.

    Attributes:
        runs: names of runs.
        artifacts: that nothing needs, and those that are marked but have files left.
        folders: of these artifacts, of runs, and of executions that left no artifact.
        bytes: that all these take.
        kept: how many artifacts of the removed runs stay, as something needs them.
    """

    runs: tuple[str, ...]
    artifacts: tuple[Artifact, ...]
    folders: tuple[Path, ...]
    bytes: int
    kept: int


def plan_removal(history: History, output: Output, runs: Sequence[Run] = ()) -> Removal:
    """Finds what can be removed, and changes nothing.

    Args:
        history: of the store.
        output: the folder.
        runs: that are not to be kept.
    """
    names = {run.name for run in runs}
    known = {head.name for head in history.runs()} - names
    executions = history.all_executions()
    artifacts = history.all_artifacts()
    # What belongs to no run, as in stores of other runners, stays.
    kept = [one for one in executions if one.run in known or not one.run]
    needed = {number for one in kept for number in (*one.input_ids, *one.output_ids)}
    needed |= _of_blessed(executions, artifacts)
    needed |= _of_pushed(executions, artifacts)
    made = {number for one in executions for number in one.output_ids}
    unneeded = [
        artifact
        for artifact in artifacts
        if artifact.id in made
        and (artifact.id not in needed or artifact.state == DELETED)
        and (artifact.state == LIVE or _has_files(artifact, output))
    ]
    folders = [
        *(folder for one in unneeded if (folder := _own_folder(one, output))),
        *_left_over(executions, artifacts, output),
        *(folder for name in sorted(names) if (folder := _run_folder(name, output))),
    ]
    of_runs = {number for run in runs for one in run.executions for number in one.output_ids}
    return Removal(
        runs=tuple(run.name for run in runs),
        artifacts=tuple(unneeded),
        folders=tuple(dict.fromkeys(folders)),
        bytes=sum(size_of(folder) for folder in dict.fromkeys(folders)),
        kept=len(of_runs - {artifact.id for artifact in unneeded}),
    )


def remove(store: MetadataStore, removal: Removal, runs: Sequence[Run] = ()) -> None:
    """Removes what was planned: marks first, then files.

    Args:
        store: open for writing.
        removal: of the same store.
        runs: those of the plan.

    Raises:
        PipelineError: if a folder cannot be removed.
    """
    _mark(store, removal.artifacts)
    _hide(store, runs)
    for folder in removal.folders:
        try:
            shutil.rmtree(folder) if folder.is_dir() else folder.unlink(missing_ok=True)
        except OSError as error:
            raise PipelineError(
                f"{folder} cannot be removed ({error.strerror}); make it writable, and let "
                "`warmstart gc --yes` remove the rest."
            ) from error


def _mark(store: MetadataStore, artifacts: Iterable[Artifact]) -> None:
    ids = [artifact.id for artifact in artifacts if artifact.state != DELETED]
    found = store.get_artifacts_by_id(ids) if ids else []
    for artifact in found:
        artifact.state = metadata_store_pb2.Artifact.DELETED
    if found:
        store.put_artifacts(found)


def _hide(store: MetadataStore, runs: Sequence[Run]) -> None:
    contexts = store.get_contexts_by_id([run.head.id for run in runs]) if runs else []
    for context in contexts:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        context.custom_properties[run_record.DELETED].string_value = now
    if contexts:
        store.put_contexts(contexts)


def _of_blessed(executions: Sequence[Execution], artifacts: Sequence[Artifact]) -> set[int]:
    by_id = {artifact.id: artifact for artifact in artifacts}
    needed: set[int] = set()
    for execution in executions:
        blessed = any(
            by_id[number].type == _BLESSING and by_id[number].is_blessed
            for number in execution.output_ids
            if number in by_id
        )
        if blessed and not execution.is_resolver:
            models = (n for n in execution.input_ids if n in by_id and by_id[n].type == _MODEL)
            needed.update(models, execution.output_ids)
    return needed


def _of_pushed(executions: Sequence[Execution], artifacts: Sequence[Artifact]) -> set[int]:
    needed = {a.id for a in artifacts if a.type == _PUSHED and a.state == LIVE and _is_there(a)}
    makers: dict[int, Execution] = {}
    for execution in sorted(executions, key=lambda one: one.id):
        if not execution.is_resolver:
            for number in execution.output_ids:
                makers.setdefault(number, execution)
    waiting = list(needed)
    while waiting:
        maker = makers.get(waiting.pop())
        above = set(maker.input_ids) - needed if maker else set()
        needed |= above
        waiting += above
    return needed


def _is_there(pushed: Artifact) -> bool:
    """Tells whether a version is still where it was pushed to, or was withdrawn from there."""
    place = Path(pushed.destination)
    withdrawn = place.parent / ".withdrawn" / place.name
    return pushed.is_pushed and (place.is_dir() or withdrawn.is_dir())


def _has_files(artifact: Artifact, output: Output) -> bool:
    folder = _own_folder(artifact, output)
    return folder is not None and folder.exists()


def _own_folder(artifact: Artifact, output: Output) -> Path | None:
    """Returns an artifact's folder if it lies where this output folder has its artifacts."""
    folder = local_folder(artifact)
    return folder if folder and folder.exists() and _is_below(folder, output.artifacts) else None


def _is_below(folder: Path, root: Path) -> bool:
    """Tells whether a folder lies deeper than a component's, without links on the way."""
    place, root = folder.resolve(), root.resolve()
    return place.is_relative_to(root) and len(place.relative_to(root).parts) >= 3


def _left_over(
    executions: Sequence[Execution], artifacts: Collection[Artifact], output: Output
) -> list[Path]:
    """Returns folders that no artifact names, of executions that ended without one.

    TFX calls them component/output/execution. What may be running is left alone.
    """
    if not output.artifacts.is_dir():
        return []
    named = {folder.resolve() for one in artifacts if (folder := local_folder(one))}
    ended = {str(one.id) for one in executions if one.state != UNFINISHED}
    return [
        folder
        for folder in sorted(output.artifacts.glob("[!.]*/[!.]*/*"))
        if folder.name in ended and folder.resolve() not in named and not folder.is_symlink()
    ]


def _run_folder(name: str, output: Output) -> Path | None:
    """Returns the folder of a run's report and log."""
    folder = output.runs / name
    own = Path(name).name == name and folder.is_dir() and not folder.is_symlink()
    return folder if own else None
