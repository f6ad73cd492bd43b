"""Reads from ML Metadata and artifacts what came out of one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma
from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from components.evaluator.eval_config import ACCURACY, LOG_LOSS
from components.evaluator.measured import doubles, evaluation_of_candidate
from components.image_example_gen.quarantine import quarantine_file, read_survey
from components.label_review.artifact import read_suspicions, suspicions_file
from components.serving.versions import is_withdrawn, place_in_service
from components.serving_validator import executor as serving_validator
from pipelines.anomalies import read_anomalies, read_statistics
from pipelines.config import PipelineConfig
from pipelines.folders import OutputFolders
from pipelines.outcome import Results, Serving

_RUN_CONTEXT = "pipeline_run"
_RESOLVER = "tfx.dsl.components.common.resolver.Resolver"
_EXAMPLE_COUNT = "example_count"


def read_results(output: OutputFolders, run_id: str, config: PipelineConfig) -> Results:
    """Reads the results of a run that succeeded.

    Args:
        output: its folders.
        run_id: its id.
        config: its configuration, to word what a model missed.
    """
    outputs = _outputs(output, run_id)
    evaluation = outputs["ModelEvaluation"]
    result = evaluation_of_candidate(evaluation.uri)
    overall: dict[str, float] = {}
    accuracy_by_class: dict[str, float] = {}
    examples_by_class: dict[str, int] = {}
    for slice_key, metrics in result.slicing_metrics:
        values = doubles(metrics)
        if slice_key == ():
            overall = values
        else:
            ((_, value),) = slice_key  # The only feature that is sliced by is the label.
            label = value.decode() if isinstance(value, bytes) else value
            accuracy_by_class[label] = values[ACCURACY]
            examples_by_class[label] = round(values[_EXAMPLE_COUNT])
    blessed = outputs["ModelBlessing"].custom_properties["blessed"].int_value == 1
    pushed_to = _in_service(_pushed_to(outputs["PushedModel"]))
    not_pushed_because = _not_pushed_because(outputs["InfraBlessing"], pushed_to)
    return Results(
        blessed=blessed,
        reasons=_reasons(evaluation.uri, config),
        pushed_to=None if not_pushed_because else pushed_to,
        not_pushed_because=not_pushed_because if blessed else None,
        serving=_serving(outputs["InfraBlessing"]),
        metrics={
            "accuracy": overall[ACCURACY],
            "log_loss": overall[LOG_LOSS],
            "examples": round(overall[_EXAMPLE_COUNT]),
        },
        accuracy_by_class=dict(sorted(accuracy_by_class.items())),
        examples_by_class=dict(sorted(examples_by_class.items())),
        confusion=_confusion(result, sorted(accuracy_by_class)),
        survey=read_survey(outputs["Quarantine"].uri),
        quarantine=quarantine_file(outputs["Quarantine"].uri),
        label_suspicions=read_suspicions(outputs["LabelSuspicions"].uri),
        label_suspicions_file=suspicions_file(outputs["LabelSuspicions"].uri),
        model_run=outputs["ModelRun"].uri,
        evaluation=evaluation.uri,
        statistics=read_statistics(outputs["ExampleStatistics"]),
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
        and artifact.custom_properties[serving_validator.BLESSED_KEY].int_value == 0
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


def _confusion(result: tfma.EvalResult, classes: list[str]) -> dict[str, dict[str, int]]:
    """Unwraps TFMA's confusion matrix of all evaluation photos; protobuf leaves zeros out."""
    plots = next(plots for slice_key, plots in result.plots if slice_key == ())
    matrices = plots[""][""]["multiClassConfusionMatrixAtThresholds"]["matrices"]
    confusion = {actual: dict.fromkeys(classes, 0) for actual in classes}
    for entry in matrices[0]["entries"]:
        actual = classes[int(entry.get("actualClassId", 0))]
        predicted = classes[int(entry.get("predictedClassId", 0))]
        confusion[actual][predicted] = round(entry.get("numWeightedExamples", 0))
    return confusion


def _pushed_to(artifact: Any) -> str | None:
    if artifact.custom_properties["pushed"].int_value != 1:
        return None
    return str(artifact.custom_properties["pushed_destination"].string_value)


def _serving(blessing: Any) -> Serving:
    found = blessing.custom_properties

    def number(key: str) -> float | None:
        return round(found[key].double_value, 3) if key in found else None

    return Serving(
        latency_ms=number(serving_validator.LATENCY_KEY),
        p95_ms=number(serving_validator.P95_KEY),
        size_mb=number(serving_validator.SIZE_KEY) or 0.0,
    )


def _in_service(pushed_to: str | None) -> str | None:
    """Follows a version that was promoted to a higher number since."""
    place = place_in_service(Path(pushed_to)) if pushed_to else None
    return str(place) if place else pushed_to


def _not_pushed_because(blessing: Any, pushed_to: str | None) -> str | None:
    """Says why a model that reached every threshold is not served."""
    if pushed_to and is_withdrawn(Path(pushed_to)):
        version = Path(pushed_to).name
        return (
            f"version {version} was taken out of service, and `warmstart models promote {version}` "
            "brings it back"
        )
    return blessing.custom_properties[serving_validator.REASON_KEY].string_value or None


def _reasons(evaluation: str, config: PipelineConfig) -> list[str]:
    threshold = config.evaluate.thresholds.accuracy
    validation = tfma.load_validation_result(evaluation)
    reasons: list[str] = []
    for checked in validation.metric_validations_per_slice:
        for failure in checked.failures:
            value = failure.metric_value.double_value.value
            if failure.metric_key.is_diff:
                reasons.append(
                    f"accuracy is {-value:.3f} below that of the latest blessed model, more than "
                    f"evaluate.thresholds.accuracy.max_drop = {threshold.max_drop}"
                )
            else:
                reasons.append(
                    f"accuracy {value:.3f} is {threshold.min - value:.3f} below "
                    f"evaluate.thresholds.accuracy.min = {threshold.min}"
                )
    return reasons
