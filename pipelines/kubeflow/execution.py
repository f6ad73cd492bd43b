"""Runs the executor of a step as TFX would, on what Kubeflow hands over."""

from __future__ import annotations

import inspect
import os
import tempfile
import time
from collections.abc import Mapping
from typing import Any

from tfx.types import artifact_utils

from components.image_example_gen.fingerprint import FINGERPRINT_KEY
from pipelines.kubeflow.artifacts import artifact_of, metadata_of
from pipelines.kubeflow.invocation import Handed, Invocation
from pipelines.kubeflow.parameters import put_in
from pipelines.kubeflow.record import digest_of, facts_of
from pipelines.kubeflow.shown import show
from pipelines.promised_outputs import check_outputs
from pipelines.resource_use import ResourceMeter
from schemas import features

_EXAMPLES = "examples"
_SPAN = "span"
_SPLIT = "split"
_AUTO = "auto"

_Artifacts = dict[str, list[Any]]


def run_executor(executor: Any, invocation: Invocation) -> dict[str, Any]:
    """Runs an executor; returns what the launcher is told, as the JSON of an ExecutorOutput.

    Args:
        executor: its class.
        invocation: what it is to do.

    Raises:
        WarmstartError: if the photos, the configuration or a model cannot be used.
        Exception: whatever the executor raised.
    """
    types, handed = invocation.types, invocation.outputs
    inputs = {
        name: [artifact_of(types[name], artifact) for artifact in group]
        for name, group in _inputs(invocation).items()
    }
    outputs = {
        name: [artifact_of(types[name], artifact)]
        for name, artifact in handed.items()
        if name in types
    }
    for (artifact,) in outputs.values():
        os.makedirs(artifact.uri, exist_ok=True)
    properties = _properties(invocation, inputs)
    _describe_examples(properties, outputs)

    began, meter = time.perf_counter(), ResourceMeter()
    executor(_context(executor, invocation)).Do(inputs, outputs, properties)
    check_outputs(
        invocation.step,
        {
            name: [(artifact.type_name, artifact.mlmd_artifact) for artifact in group]
            for name, group in outputs.items()
        },
    )
    seconds = time.perf_counter() - began
    facts = facts_of(invocation.executor, properties, seconds, meter.read())

    metadata = {
        name: {**metadata_of(artifact), **facts, **digest_of(artifact)}
        for name, (artifact,) in outputs.items()
    }
    folders = {name: artifact.uri for name, (artifact,) in outputs.items()}
    further = {name: artifact.path for name, artifact in handed.items() if name not in types}
    metadata |= show(invocation.step, folders, further)
    return {"artifacts": {name: _told(handed[name], found) for name, found in metadata.items()}}


def _inputs(invocation: Invocation) -> dict[str, list[Handed]]:
    """Returns all input artifacts, those among them that lookups have found, too."""
    found = {
        name: [Handed("", place, place)] if place else []
        for name, place in invocation.parameters.items()
        if name in invocation.types
    }
    return {**invocation.inputs, **found}


def _properties(invocation: Invocation, inputs: _Artifacts) -> dict[str, Any]:
    """Returns the executor's properties: what was chosen for this run is in them."""
    given = {n: value for n, value in invocation.parameters.items() if n not in invocation.types}
    properties = put_in(invocation.step, given)
    if properties.get(_SPLIT) == _AUTO:
        # Only the examples tell whether there is a test split.
        (examples,) = inputs[_EXAMPLES]
        splits = artifact_utils.decode_split_names(examples.split_names)
        properties[_SPLIT] = features.TEST if features.TEST in splits else features.EVAL
    return properties


def _describe_examples(properties: Mapping[str, Any], outputs: _Artifacts) -> None:
    """Records what TFX's driver would; the executor checks that these are the photos of it."""
    told = properties.get(FINGERPRINT_KEY)
    if told is None:
        return
    (examples,) = outputs[_EXAMPLES]
    examples.set_string_custom_property(FINGERPRINT_KEY, told)
    examples.set_int_custom_property(_SPAN, 0)


def _context(executor: Any, invocation: Invocation) -> Any:
    """Returns the executor's own kind of context; asking which would import Beam for all."""
    known = inspect.signature(executor.Context).parameters
    flags = {"beam_pipeline_args": invocation.flags} if "beam_pipeline_args" in known else {}
    return executor.Context(
        tmp_dir=tempfile.mkdtemp(), unique_id="0", pipeline_run_id=invocation.run_id, **flags
    )


def _told(handed: Handed, metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {"artifacts": [{"name": handed.name, "uri": handed.uri, "metadata": dict(metadata)}]}
