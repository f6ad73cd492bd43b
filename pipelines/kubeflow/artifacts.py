"""TFX's artifacts from what Kubeflow hands over, and back."""

from __future__ import annotations

import json
from typing import Any

from tfx.types.artifact import Artifact
from tfx.utils import import_utils

from pipelines.kubeflow.invocation import Handed
from pipelines.kubeflow.uris import remote_uri

# Kubeflow's ML Metadata keeps every number as a float, and wraps what is nested: this entry says,
# as a JSON object by name, what of it was an integer, and what is the JSON of something else.
_KINDS = "warmstart_kinds"
_INTEGER = "integer"
_JSON = "json"


def artifact_of(class_path: str, handed: Handed) -> Artifact:
    """Returns the artifact as the component that made it left it.

    Args:
        class_path: of its type.
        handed: what Kubeflow knows of it; where it knows an id, it is the artifact's.
    """
    artifact = import_utils.import_class_by_path(class_path)()
    artifact.uri = handed.path
    if handed.name.isdecimal():
        artifact.id = int(handed.name)
    kinds = json.loads(handed.metadata.get(_KINDS, "{}"))
    for name, value in handed.metadata.items():
        _set(artifact, name, value, kinds.get(name))
    return artifact


def metadata_of(artifact: Artifact) -> dict[str, Any]:
    """Returns all properties of an artifact; local places in them become those they stand for."""
    message = artifact.mlmd_artifact
    found: dict[str, Any] = {}
    kinds: dict[str, str] = {}
    for properties in (message.custom_properties, message.properties):
        for name, value in properties.items():
            kind = value.WhichOneof("value")
            if kind == "struct_value":
                kinds[name] = _JSON
                found[name] = json.dumps(artifact.get_json_value_custom_property(name))
            elif kind == "string_value":
                found[name] = remote_uri(value.string_value)
            else:
                found[name] = getattr(value, kind)
                if kind == "int_value":
                    kinds[name] = _INTEGER
    return {**found, _KINDS: json.dumps(kinds, sort_keys=True)} if kinds else found


def _set(artifact: Artifact, name: str, value: Any, kind: str | None) -> None:
    if kind == _JSON:
        artifact.set_json_value_custom_property(name, json.loads(value))
        return
    message = artifact.mlmd_artifact
    own = name in (type(artifact).PROPERTIES or {})
    properties = message.properties if own else message.custom_properties
    if kind == _INTEGER:
        properties[name].int_value = int(value)
    elif isinstance(value, str):
        properties[name].string_value = value
    elif isinstance(value, int | float):
        properties[name].double_value = value
