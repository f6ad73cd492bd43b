"""Reads from ML Metadata and artifacts what came out of one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from components.evaluator.measured import read_measured
from components.image_example_gen.quarantine import quarantine_file, read_survey
from components.label_review.artifact import read_suspicions, suspicions_file
from components.report_gen.anomalies import read_anomalies
from components.serving.versions import is_withdrawn, place_in_service
from components.serving_validator.executor import BLESSED_KEY
from components.serving_validator.served import read_served
from pipelines.folders import OutputFolders
from pipelines.outcome import Results

_RUN_CONTEXT = "pipeline_run"
_RESOLVER = "tfx.dsl.components.common.resolver.Resolver"


def read_results(output: OutputFolders, run_id: str) -> Results:
    """Reads the results of a run that succeeded.

    Args:
        output: its folders.
        run_id: its id.
    """
    outputs = _outputs(output, run_id)
    blessed = outputs["ModelBlessing"].custom_properties["blessed"].int_value == 1
    served = read_served(outputs["InfraBlessing"])
    pushed_to = _in_service(_pushed_to(outputs["PushedModel"]))
    not_pushed_because = _withdrawn(pushed_to) or served.refused_because
    return Results(
        blessed=blessed,
        pushed_to=None if not_pushed_because else pushed_to,
        not_pushed_because=not_pushed_because if blessed else None,
        measured=read_measured(outputs["ModelEvaluation"].uri),
        served=served,
        survey=read_survey(outputs["Quarantine"].uri),
        quarantine=quarantine_file(outputs["Quarantine"].uri),
        label_suspicions=read_suspicions(outputs["LabelSuspicions"].uri),
        label_suspicions_file=suspicions_file(outputs["LabelSuspicions"].uri),
        report=outputs["Report"].uri,
        anomalies=read_anomalies(
            outputs["ExampleStatistics"],
            outputs["ExampleAnomalies"],
            outputs["DistributionAnomalies"],
        ),
    )


def forget_vanished_pushes(output: OutputFolders) -> None:
    """Marks pushed models whose folder is gone as deleted, so that Pusher pushes again.

    TFX's cache checks its own copy of a pushed model, not the destination: without this a
    cached run would report a model at a place where there is none. One that was withdrawn is not
    gone: the next run must not undo a rollback.
    """
    if not output.metadata.exists():
        return
    store = _store(output)
    vanished = [
        artifact
        for artifact in _artifacts_of_type(store, "PushedModel")
        if artifact.state == metadata_store_pb2.Artifact.LIVE
        and (folder := _pushed_to(artifact))
        and not place_in_service(Path(folder))
        and not is_withdrawn(Path(folder))
    ]
    for artifact in vanished:
        artifact.state = metadata_store_pb2.Artifact.DELETED
    if vanished:
        store.put_artifacts(vanished)


def forget_refusals(output: OutputFolders) -> None:
    """Marks the InfraBlessings of refused models as deleted, so that they are validated again.

    From TFX's cache a model would stay refused that was, for example, too slow on a busy machine.
    """
    if not output.metadata.exists():
        return
    store = _store(output)
    refused = [
        artifact
        for artifact in _artifacts_of_type(store, "InfraBlessing")
        if artifact.state == metadata_store_pb2.Artifact.LIVE
        and artifact.custom_properties[BLESSED_KEY].int_value == 0
    ]
    for artifact in refused:
        artifact.state = metadata_store_pb2.Artifact.DELETED
    if refused:
        store.put_artifacts(refused)


def _store(output: OutputFolders) -> MetadataStore:
    return MetadataStore(sqlite_metadata_connection_config(str(output.metadata)))


def _artifacts_of_type(store: MetadataStore, name: str) -> list[Any]:
    if name not in {artifact_type.name for artifact_type in store.get_artifact_types()}:
        return []
    return list(store.get_artifacts_by_type(name))


def _outputs(output: OutputFolders, run_id: str) -> dict[str, Any]:
    """Returns the output artifact of each type that a run's components made or reused."""
    store = _store(output)
    context = store.get_context_by_type_and_name(_RUN_CONTEXT, run_id)
    # The Resolver's outputs are another run's model and blessing.
    executions = [e for e in store.get_executions_by_context(context.id) if e.type != _RESOLVER]
    events = store.get_events_by_execution_ids([execution.id for execution in executions])
    made = [e.artifact_id for e in events if e.type == metadata_store_pb2.Event.OUTPUT]
    return {artifact.type: artifact for artifact in store.get_artifacts_by_id(made)}


def _pushed_to(artifact: Any) -> str | None:
    if artifact.custom_properties["pushed"].int_value != 1:
        return None
    return str(artifact.custom_properties["pushed_destination"].string_value)


def _in_service(pushed_to: str | None) -> str | None:
    """Follows a version that was promoted to a higher number since."""
    place = place_in_service(Path(pushed_to)) if pushed_to else None
    return str(place) if place else pushed_to


def _withdrawn(pushed_to: str | None) -> str | None:
    """Says that a model which reached every threshold was taken out of service since."""
    if not pushed_to or not is_withdrawn(Path(pushed_to)):
        return None
    version = Path(pushed_to).name
    return (
        f"version {version} was taken out of service, and `warmstart models promote {version}` "
        "brings it back"
    )
