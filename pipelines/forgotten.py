"""Results that are not to be reused, although TFX's cache would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2

from components.serving.versions import is_withdrawn, place_in_service
from components.serving_validator.served import BLESSED_KEY
from pipelines.folders import OutputFolders
from pipelines.metadata_store import opened


def forget(output: OutputFolders) -> None:
    """Marks as deleted what is not to be reused, so that the next run makes it again."""
    if not output.metadata.exists():
        return
    store = opened(output)
    artifacts = to_forget(store)
    for artifact in artifacts:
        artifact.state = metadata_store_pb2.Artifact.DELETED
    if artifacts:
        store.put_artifacts(artifacts)


def to_forget(store: MetadataStore) -> list[Any]:
    """Returns the artifacts that the next run is to make again."""
    return [*_vanished_pushes(store), *_refusals(store)]


def pushed_to(artifact: Any) -> str | None:
    """Returns the folder of the version that a PushedModel was pushed to, if it was."""
    if artifact.custom_properties["pushed"].int_value != 1:
        return None
    return str(artifact.custom_properties["pushed_destination"].string_value)


def _vanished_pushes(store: MetadataStore) -> Iterator[Any]:
    """Yields pushed models whose folder is gone, so that Pusher pushes again.

    TFX's cache checks its own copy of a pushed model, not the destination: without this a
    cached run would report a model at a place where there is none. One that was withdrawn is not
    gone: the next run must not undo a rollback.
    """
    for artifact in _live_of_type(store, "PushedModel"):
        folder = pushed_to(artifact)
        if folder and not place_in_service(Path(folder)) and not is_withdrawn(Path(folder)):
            yield artifact


def _refusals(store: MetadataStore) -> Iterator[Any]:
    """Yields the InfraBlessings of refused models, so that they are validated again.

    From TFX's cache a model would stay refused that was, for example, too slow on a busy machine.
    """
    for artifact in _live_of_type(store, "InfraBlessing"):
        if artifact.custom_properties[BLESSED_KEY].int_value == 0:
            yield artifact


def _live_of_type(store: MetadataStore, name: str) -> Iterator[Any]:
    if name in {artifact_type.name for artifact_type in store.get_artifact_types()}:
        for artifact in store.get_artifacts_by_type(name):
            if artifact.state == metadata_store_pb2.Artifact.LIVE:
                yield artifact
