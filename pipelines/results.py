"""Reads from ML Metadata and artifacts what came out of one run, without TFX or TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2

from components.evaluator.measured import read_measured
from components.image_example_gen.quarantine import quarantine_file, read_survey
from components.label_review.list_files import read_suspicions, suspicions_file
from components.report_gen.files import read_metrics
from components.serving.versions import is_withdrawn, place_in_service
from components.serving_validator.served import read_served
from pipelines.folders import OutputFolders
from pipelines.forgotten import pushed_to
from pipelines.metadata_store import RUN_CONTEXT, opened
from pipelines.outcome import Results

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
    place = _in_service(pushed_to(outputs["PushedModel"]))
    not_pushed_because = _withdrawn(place) or served.refused_because
    return Results(
        blessed=blessed,
        pushed_to=None if not_pushed_because else place,
        not_pushed_because=not_pushed_because if blessed else None,
        measured=read_measured(outputs["ModelEvaluation"].uri),
        served=served,
        survey=read_survey(outputs["Quarantine"].uri),
        quarantine=quarantine_file(outputs["Quarantine"].uri),
        label_suspicions=read_suspicions(outputs["LabelSuspicions"].uri),
        label_suspicions_file=suspicions_file(outputs["LabelSuspicions"].uri),
        report=outputs["Report"].uri,
        anomalies=read_metrics(outputs["Report"].uri)["anomalies"],
    )


def _outputs(output: OutputFolders, run_id: str) -> dict[str, Any]:
    """Returns the output artifact of each type that a run's components made or reused."""
    store = opened(output)
    context = store.get_context_by_type_and_name(RUN_CONTEXT, run_id)
    # The Resolver's outputs are another run's model and blessing.
    executions = [e for e in store.get_executions_by_context(context.id) if e.type != _RESOLVER]
    events = store.get_events_by_execution_ids([execution.id for execution in executions])
    made = [e.artifact_id for e in events if e.type == metadata_store_pb2.Event.OUTPUT]
    return {artifact.type: artifact for artifact in store.get_artifacts_by_id(made)}


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
