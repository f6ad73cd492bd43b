"""Finds the photos of the run that a pushed model comes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from review.files import local_folder
from review.history import History
from review.store import Output, opened
from schemas.errors import ConfigError, PipelineError, printable

# What ImageExampleGen calls its output; Transform's examples have another name.
_EXAMPLES = "examples"


def find_examples(version: Path, run_id: str | None, outputs: Sequence[Output]) -> Path:
    """Finds the raw examples of the run that trained a pushed version.

    Args:
        version: its folder, for the sentence.
        run_id: of the run, as the version says, or None if it does not.
        outputs: the folders that it may have been pushed from.

    Returns:
        The folder of the Examples artifact.

    Raises:
        ConfigError: if it cannot be told which run that was, or the examples are gone.
    """
    if run_id is None:
        raise _unknown(version, "it does not say which run it is from")
    output = next((output for output in outputs if output.metadata.is_file()), None)
    if output is None:
        raise _unknown(version, f"run {run_id} did not push it to where it lies")
    try:
        with opened(output) as store:
            found = _examples(History(store, output.root), run_id)
    except PipelineError as error:
        raise _unknown(version, f"{output.metadata} cannot be read") from error
    present = [folder for folder in found if folder.is_dir()]
    if not present:
        raise _unknown(version, f"the photos of run {run_id} are gone")
    return present[-1]


def _examples(history: History, run_id: str) -> list[Path]:
    runs = history.read(head for head in history.runs() if head.name == run_id)
    ids = [
        number
        for run in runs
        for execution in run.executions
        for number in execution.outputs.get(_EXAMPLES, ())
    ]
    folders = map(local_folder, history.artifacts(ids).values())
    return [folder for folder in folders if folder]


def _unknown(version: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"{printable(str(version))} is checked with evaluation photos, which are not found here "
        f"({reason}); give photos with --data DATA, or name the model where the pipeline pushed "
        "it, such as warmstart-output/models."
    )
