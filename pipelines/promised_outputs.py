"""Looks whether a component made what it promises: an engine may succeed and write nothing."""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from schemas import serving
from schemas.errors import PipelineError

# A model that was refused is not pushed.
_MAY_BE_EMPTY = frozenset({"PushedModel"})

# Files without which an artifact of this type is of no use, below its folder.
_FILES = {
    "Model": (f"{serving.SAVED_MODEL_FOLDER}/saved_model.pb",),
    "TransformGraph": ("transform_fn/saved_model.pb", "transformed_metadata/schema.pbtxt"),
    "Schema": ("schema.pbtxt",),
    "ModelEvaluation": ("measured.json",),
    "Embeddings": ("manifest.json", "Split-*/index-*", "Split-*/view-*"),
}

# The same for each split.
_FILES_OF_SPLIT = {
    "Examples": "*",
    "ExampleStatistics": "FeatureStats.pb",
    "ExampleAnomalies": "SchemaDiff.pb",
}

# Of files with photos, which hold some bytes even without one.
_RECORDS = frozenset({"Examples"})


def check_outputs(
    component: str,
    promised: Mapping[str, Sequence[tuple[str, Any]]],
    made: Mapping[str, Sequence[Any]] | None = None,
) -> None:
    """Fails unless every output of a component holds something.

    Args:
        component: its id.
        promised: by name of the output, type and artifact of ML Metadata of each that is to be
            made.
        made: artifacts that the executor returned, by name of the output; they tell splits.

    Raises:
        PipelineError: if an output is missing or empty.
    """
    for name, artifacts in promised.items():
        returned = (made or {}).get(name, ())
        for number, (kind, artifact) in enumerate(artifacts):
            described = returned[number] if number < len(returned) else artifact
            if missing := _missing(kind, described.uri or artifact.uri, _splits(described)):
                raise PipelineError(
                    f"{component} ended without an error, but its output {name} has {missing} in "
                    f"{artifact.uri}; run again, and if it stays so, take another engine.name."
                )


def _splits(artifact: Any) -> list[str]:
    text = artifact.properties["split_names"].string_value if artifact.properties else ""
    splits: list[str] = json.loads(text) if text else []
    return splits


def _missing(kind: str, uri: str, splits: Sequence[str]) -> str | None:
    """Returns what an artifact lacks, or None."""
    if kind in _MAY_BE_EMPTY:
        return None
    files = list(_files(uri))
    for pattern in _FILES.get(kind, ()):
        if not any(_size(uri, name) for name in fnmatch.filter(files, pattern)):
            return f"no {pattern}"
    if pattern_of_split := _FILES_OF_SPLIT.get(kind):
        found = {
            split: fnmatch.filter(files, f"Split-{split}/{pattern_of_split}") for split in splits
        }
        if empty := [split for split, names in found.items() if not names]:
            return f"no file of the split {empty[0]}"
        if kind in _RECORDS and not any(
            _holds_a_record(uri, name) for names in found.values() for name in names
        ):
            return "no record in any split"
    return None if files else "no file"


def _size(uri: str, name: str) -> int:
    return int(tf.io.gfile.stat(os.path.join(uri, name)).length)


def _holds_a_record(uri: str, name: str) -> bool:
    compression = "GZIP" if name.endswith(".gz") else ""
    records = tf.data.TFRecordDataset([os.path.join(uri, name)], compression)
    return any(True for _ in records.take(1))


def _files(uri: str) -> Iterator[str]:
    """Yields the files below a folder, relative to it. No patterns: its name may look like one."""
    if not tf.io.gfile.isdir(uri):  # A value, or nothing.
        yield from [uri] if tf.io.gfile.exists(uri) else []
        return
    for folder, _, names in tf.io.gfile.walk(uri):
        below = os.path.relpath(folder, uri) if folder.rstrip("/") != uri.rstrip("/") else ""
        yield from (os.path.join(below, name) for name in names)
