"""Finds the photos of the run that a pushed model comes from, without TFX or TensorFlow."""

from __future__ import annotations

from pathlib import Path

from ml_metadata.errors import StatusError

from components.serving.versions import run_id_of
from pipelines.folders import OutputFolders
from pipelines.run_store import first_line, open_store, outputs_of_run, runs_by_name
from schemas.errors import ConfigError, printable

# What ImageExampleGen calls its output; Transform's examples have another name.
_EXAMPLES = "examples"


def find_examples(version: Path) -> Path:
    """Finds the raw examples of the run that trained a pushed version.

    Args:
        version: its folder, in the folder of models in the output folder of the run.

    Returns:
        The folder of the Examples artifact.

    Raises:
        ConfigError: if it cannot be told which run that was, or the examples are gone.
    """
    run_id = run_id_of(version)
    if run_id is None:
        raise _unknown(version, "it does not say which run it is from")
    metadata = _metadata(version)
    if metadata is None:
        raise _unknown(version, f"run {run_id} did not push it to where it lies")
    try:
        store = open_store(metadata)
        runs = runs_by_name(store)
        found = [
            Path(artifact.uri.removeprefix("file://"))
            for key, artifact in (outputs_of_run(store, runs[run_id]) if run_id in runs else ())
            if key == _EXAMPLES
        ]
    except (RuntimeError, StatusError) as error:
        raise _unknown(version, f"{metadata} cannot be read, {first_line(error)}") from error
    present = [folder for folder in found if folder.is_dir()]
    if not present:
        raise _unknown(version, f"the photos of run {run_id} are gone")
    return present[-1]


def _metadata(version: Path) -> Path | None:
    """Finds ML Metadata above a version; one that was withdrawn lies a folder deeper."""
    above = version.resolve().parents
    files = [OutputFolders(root).metadata for root in above[1:3]]
    return next((file for file in files if file.is_file()), None)


def _unknown(version: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"{printable(str(version))} is checked with evaluation photos, which are not found here "
        f"({reason}); give photos with --data DATA, or name the model where the pipeline pushed "
        "it, such as warmstart-output/models."
    )
