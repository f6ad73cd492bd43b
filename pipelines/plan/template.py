"""Keeps the compiled pipeline, so that the next run is planned without TFX.

Compiling takes TFX, of which the import alone takes longer than a plan may. The chain depends on
nothing but the code; what the configuration decides are values, which are put into a pipeline that
was compiled before.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from tfx.proto.orchestration import pipeline_pb2

from components.code_digest import code_digest
from components.dataset.cache import dataset_cache
from components.dataset.options import SurveyOptions
from components.dataset.splits import default_buckets
from components.image_example_gen.output_config import output_config
from pipelines.folders import OutputFolders
from schemas.corrections import as_property

# Of one size, some 60 kB. The oldest go; one is in use for each output folder and pipeline.
_MOST_KEPT = 20

_PACKAGES = ("apache-beam", "ml-metadata", "protobuf", "tensorflow", "tfx", "warmstart")


def keep_compiled(
    pipeline: Any, name: str, output: OutputFolders, told: Mapping[str, Mapping[str, Any]]
) -> None:
    """Keeps a compiled pipeline for later plans.

    One that cannot be told otherwise is not kept, so that a plan is never made from it.

    Args:
        pipeline: from TFX's compiler.
        name: of it.
        output: its folders.
        told: what its components were told, as in `pipelines.component_properties`.
    """
    copy = pipeline_pb2.Pipeline()
    copy.CopyFrom(pipeline)
    try:
        _tell(copy, told)
    except KeyError:
        return
    if _nodes(copy) != _nodes(pipeline):
        return
    file = _file(name, output)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    partial.write_bytes(pipeline.SerializeToString(deterministic=True))
    os.replace(partial, file)
    newest_first = sorted(file.parent.glob("*.pb"), key=_age, reverse=True)
    for old in newest_first[_MOST_KEPT:]:
        old.unlink(missing_ok=True)


def compiled_before(
    name: str, output: OutputFolders, told: Mapping[str, Mapping[str, Any]]
) -> Any | None:
    """Returns the compiled pipeline with other values, or None if this code compiled none yet.

    Args:
        name: of the pipeline.
        output: its folders.
        told: what its components are told, as in `pipelines.component_properties`.
    """
    pipeline = pipeline_pb2.Pipeline()
    try:
        pipeline.ParseFromString(_file(name, output).read_bytes())
        _tell(pipeline, told)
    except (OSError, DecodeError, KeyError):
        return None
    return pipeline


def _file(name: str, output: OutputFolders) -> Path:
    """Returns where a pipeline is kept: under what decides about it, apart from values."""
    decides = [
        *(name, str(output.root), code_digest("components", "decoding", "pipelines", "schemas")),
        *(version(package) for package in _PACKAGES),
    ]
    digest = hashlib.sha256(json.dumps(decides).encode()).hexdigest()
    return dataset_cache() / "compiled" / f"{digest}.pb"


def _age(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # Another process removed it.
        return 0.0


def _tell(pipeline: Any, told: Mapping[str, Mapping[str, Any]]) -> None:
    """Puts values into a compiled pipeline.

    Raises:
        KeyError: if it has no such component, or the component no such property.
    """
    nodes = {node.pipeline_node.node_info.id: node.pipeline_node for node in pipeline.nodes}
    for component, arguments in told.items():
        parameters = nodes[component].parameters.parameters
        for name, value in _properties(arguments):
            if name not in parameters:
                raise KeyError(name)
            field = parameters[name].field_value
            if isinstance(value, str):
                field.string_value = value
            elif isinstance(value, float):
                field.double_value = value
            else:
                field.int_value = value


def _properties(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields the execution properties that TFX makes of a component's arguments."""
    for name, value in arguments.items():
        if isinstance(value, SurveyOptions):
            yield from asdict(value).items()
            buckets = default_buckets(value.eval_fraction)
            yield "output_config", _proto_to_json(output_config(buckets))
        elif name == "corrections":
            yield name, as_property(value)
        elif isinstance(value, (dict, list)):
            yield name, json.dumps(value, sort_keys=True)
        else:
            yield name, value


def _proto_to_json(message: Message) -> str:
    """As TFX does (`tfx/utils/proto_utils.py`)."""
    text: str = json_format.MessageToJson(message, sort_keys=True, preserving_proto_field_name=True)
    return text


def _nodes(pipeline: Any) -> list[bytes]:
    return [node.SerializeToString(deterministic=True) for node in pipeline.nodes]
