"""TFX's cache key, computed without TFX: its launcher takes some ten seconds to import.

Two executions with equal keys are interchangeable. What goes into it is what TFX 1.21 puts there
(`tfx/orchestration/portable/cache_utils.py`, `get_cache_context`); that both come to the same is
tested against what TFX recorded. No component here has a module file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ml_metadata.proto import metadata_store_pb2


def cache_key(
    pipeline: Any,
    node: Any,
    inputs: Mapping[str, Sequence[Any]],
    properties: Mapping[str, Any],
    *,
    executor: Any,
    driver_found: Mapping[str, Any],
) -> str:
    """Returns the key under which ML Metadata knows the result of a component.

    Args:
        pipeline: the PipelineInfo of the compiled pipeline.
        node: the component, a PipelineNode.
        inputs: artifacts of ML Metadata, by input.
        properties: execution properties, those that its driver found among them.
        executor: its executable spec.
        driver_found: custom properties that its driver adds to the artifacts to be made, by
            output.

    Returns:
        SHA-256 in hex.
    """
    digest = hashlib.sha256()
    for message in (pipeline, node.node_info, executor):
        digest.update(message.SerializeToString(deterministic=True))
    for key in sorted(inputs):
        digest.update(key.encode())
        for artifact in inputs[key]:
            digest.update(artifact.SerializeToString(deterministic=True))
    for key in sorted(node.outputs.outputs):
        digest.update(key.encode())
        # As TFX leaves them: fields that are set to nothing count.
        to_be_made = metadata_store_pb2.Artifact(uri="", name="")
        for name, value in {"name": "", **driver_found.get(key, {})}.items():
            _set(to_be_made.custom_properties[name], value)
        digest.update(to_be_made.SerializeToString(deterministic=True))
    for key, value in sorted(properties.items()):
        digest.update(key.encode())
        digest.update(str(value).encode())
    return digest.hexdigest()


def _set(value: Any, plain: Any) -> None:
    if isinstance(plain, str):
        value.string_value = plain
    else:
        value.int_value = plain
