"""Tells a run as OpenLineage events, which catalogues such as Marquez and DataHub read.

The run is a job, and each component another one whose parent it is. Datasets are artifacts, under
the place where they lie. Ids are made of what the store holds, so that an export that is repeated
tells of the same runs. Specification: https://openlineage.io/spec/2-0-2/OpenLineage.json.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from tensorflow_metadata.proto.v0 import schema_pb2

from review.differences import flat
from review.history import History
from review.messages import read_text_message
from review.records import CACHED, FAILED, SUCCEEDED, UNFINISHED, Artifact, Execution, Run
from review.why import explain
from schemas import run_record

Event = dict[str, Any]

NAMESPACE = "warmstart"

_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
# Of a facet that is our own.
_RUN_FACET = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet"
_FACETS = "https://openlineage.io/spec/facets"

_ENDS = {FAILED: "FAIL"}
_SCHEMA = "Schema"
_SCHEMA_FILE = "schema.pbtxt"

# Outputs of ImageExampleGen.
_QUARANTINE = "quarantine"
_EXAMPLES = "examples"


def run_events(history: History, run: Run) -> list[Event]:
    """Returns the events of a run, in the order in which they happened.

    What did not end, or is still running, has only its START.

    Args:
        history: of the store.
        run: that is told.
    """
    return _Teller(history, run).events()


def as_lines(events: Iterable[Event]) -> str:
    """Returns events as JSON lines."""
    return "".join(f"{json.dumps(event, ensure_ascii=False)}\n" for event in events)


class _Teller:
    def __init__(self, history: History, run: Run) -> None:
        self._run = run
        self._why = explain(history, run)
        ids = {n for one in run.executions for n in (*one.input_ids, *one.output_ids)}
        self._artifacts = history.artifacts(ids)
        self._digests = history.digests(ids)
        self._fields = _fields(history, run, self._artifacts.values())
        version = str(run.head.record.get(run_record.VERSION, ""))
        self._producer = f"urn:warmstart:{version}" if version else "urn:warmstart"

    def events(self) -> list[Event]:
        run = self._run
        began = run.head.started
        ended = max((_end(one) for one in run.executions), default=began)
        whole = {"run": self._whole_run(ended), "job": self._whole_job()}
        events = [self._event("START", began, whole)]
        for execution in run.executions:
            told = self._told(execution)
            events.append(self._event("START", execution.started, told))
            if execution.state != UNFINISHED:
                kind = _ENDS.get(execution.state, "COMPLETE")
                events.append(self._event(kind, _end(execution), told))
        if run.state in {SUCCEEDED, FAILED}:
            events.append(self._event(_ENDS.get(run.state, "COMPLETE"), ended, whole))
        return events

    def _event(self, kind: str, time: datetime, told: Mapping[str, Any]) -> Event:
        head = {"eventType": kind, "eventTime": _written(time)}
        return {**head, **told, "producer": self._producer, "schemaURL": _EVENT}

    def _whole_run(self, ended: datetime) -> dict[str, Any]:
        record, facets = self._run.head.record, {}
        facets["nominalTime"] = self._facet(
            "1-0-1/NominalTimeRunFacet",
            nominalStartTime=_written(self._run.head.started),
            nominalEndTime=_written(ended),
        )
        if run_record.VERSION in record:
            facets["processing_engine"] = self._facet(
                "1-1-1/ProcessingEngineRunFacet",
                name="warmstart",
                version=str(record[run_record.VERSION]),
            )
        if run_record.CONFIGURATION in record:
            settings = flat({"configuration": record[run_record.CONFIGURATION]})
            facets["executionParameters"] = self._facet(
                "1-0-0/ExecutionParametersRunFacet",
                parameters=[{"key": key, "value": str(v)} for key, v in settings.items()],
            )
        errors = [self._error(one) for one in self._run.executions if one.state == FAILED]
        return {"runId": _run_id(self._run), "facets": facets | (errors[-1] if errors else {})}

    def _whole_job(self) -> dict[str, Any]:
        facets = {"jobType": self._job_type("PIPELINE")}
        commit = str(self._run.head.record.get(run_record.COMMIT, ""))
        if commit:
            facets["sourceCodeLocation"] = self._facet(
                "1-1-0/SourceCodeLocationJobFacet",
                type="git",
                url=f"git:{commit.partition(' ')[0]}",
                version=commit,
            )
        return {"namespace": NAMESPACE, "name": self._name(), "facets": facets}

    def _told(self, execution: Execution) -> dict[str, Any]:
        facets = {
            "parent": self._facet(
                "1-2-0/ParentRunFacet",
                run={"runId": _run_id(self._run)},
                job={"namespace": NAMESPACE, "name": self._name()},
            ),
            "warmstart_execution": {
                "_producer": self._producer,
                "_schemaURL": _RUN_FACET,
                "state": execution.state,
                "cached": execution.state == CACHED,
                "why": self._why[execution.node].sentence,
                "reusedFrom": self._why[execution.node].since if execution.state == CACHED else "",
                "codeDigest": str(execution.record.get(run_record.CODE, "")),
                "executor": str(execution.record.get(run_record.EXECUTOR, "")),
            },
        }
        if execution.state == FAILED:
            facets |= self._error(execution)
        return {
            "run": {"runId": _execution_id(self._run, execution), "facets": facets},
            "job": {
                "namespace": NAMESPACE,
                "name": f"{self._name()}.{execution.node}",
                "facets": {"jobType": self._job_type("COMPONENT")},
            },
            "inputs": self._datasets(execution.input_ids),
            "outputs": self._datasets(execution.output_ids),
        }

    def _error(self, execution: Execution) -> dict[str, Any]:
        message = str(execution.record.get(run_record.ERROR, "the error is not recorded"))
        text = f"{execution.node}: {message}"
        return {
            "errorMessage": self._facet(
                "1-0-1/ErrorMessageRunFacet", message=text, programmingLanguage="PYTHON"
            )
        }

    def _datasets(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        found = (self._artifacts[number] for number in ids if number in self._artifacts)
        return [self._dataset(artifact) for artifact in found]

    def _dataset(self, artifact: Artifact) -> dict[str, Any]:
        version = self._digests.get(artifact.id) or f"artifact {artifact.id}"
        facets = {
            "version": self._facet("1-0-1/DatasetVersionDatasetFacet", datasetVersion=version),
            "datasetType": self._facet(
                "1-0-1/DatasetTypeDatasetFacet", datasetType="FILE", subType=artifact.type
            ),
        }
        if fields := self._fields.get(artifact.id):
            facets["schema"] = self._facet("1-2-0/SchemaDatasetFacet", fields=fields)
        namespace, name = _place(artifact)
        return {"namespace": namespace, "name": name, "facets": facets}

    def _job_type(self, kind: str) -> dict[str, Any]:
        return self._facet(
            "2-0-4/JobTypeJobFacet", processingType="BATCH", integration="TFX", jobType=kind
        )

    def _facet(self, which: str, /, **content: Any) -> dict[str, Any]:
        kind = which.partition("/")[2]
        schema = f"{_FACETS}/{which}.json#/$defs/{kind}"
        return {"_producer": self._producer, "_schemaURL": schema, **content}

    def _name(self) -> str:
        return self._run.pipeline or "pipeline"


def _fields(
    history: History, run: Run, artifacts: Iterable[Artifact]
) -> dict[int, list[dict[str, str]]]:
    """Returns the features of the schema, and of the examples that it describes, by artifact."""
    found: dict[int, list[dict[str, str]]] = {}
    for artifact in artifacts:
        if artifact.type != _SCHEMA:
            continue
        schema = read_text_message(history.files, artifact, _SCHEMA_FILE, schema_pb2.Schema)
        if schema is None:
            continue
        names = schema_pb2.FeatureType.Name
        fields = [{"name": one.name, "type": names(one.type)} for one in schema.feature]
        found |= dict.fromkeys((artifact.id, *_described(run)), fields)
    return found


def _described(run: Run) -> list[int]:
    """Returns the ids of the examples of photos; Transform's have other features."""
    generators = (one for one in run.executions if _QUARANTINE in one.outputs)
    return [number for one in generators for number in one.outputs.get(_EXAMPLES, ())]


def _place(artifact: Artifact) -> tuple[str, str]:
    """Returns the namespace and the name that OpenLineage gives to what lies at a place."""
    parts = urlsplit(artifact.uri)
    if parts.scheme in {"", "file"}:
        return "file", parts.path or f"artifact {artifact.id}"
    return f"{parts.scheme}://{parts.netloc}", parts.path.lstrip("/") or "/"


def _end(execution: Execution) -> datetime:
    return execution.started + timedelta(seconds=execution.seconds or 0.0)


def _run_id(run: Run) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{run.head.started.isoformat()} {run.name}"))


def _execution_id(run: Run, execution: Execution) -> str:
    return str(uuid.uuid5(uuid.UUID(_run_id(run)), str(execution.id)))


def _written(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")
