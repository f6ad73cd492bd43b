"""Reads the YAML file that `warmstart pipeline compile --engine kubeflow` writes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from schemas.errors import ConfigError, first_line, printable

# The only one that Kubeflow Pipelines 2 takes.
_SCHEMA_VERSION = "2.1.0"
_HINT = "compile one with `warmstart pipeline compile --engine kubeflow --output FILE.yaml`"

# The server refuses larger uploads.
_MOST_BYTES = 32 << 20

# Names of version 1 that a compiler may still write for a parameter's type.
_OLDER_TYPES = {"INT": "NUMBER_INTEGER", "DOUBLE": "NUMBER_DOUBLE"}


@dataclass(frozen=True)
class Parameter:
    """A runtime parameter of a pipeline.

    Attributes:
        name: of it.
        type: NUMBER_INTEGER, NUMBER_DOUBLE, STRING, BOOLEAN, LIST or STRUCT.
        default: its value if none is given; None if there is none.
        required: a run cannot do without a value.
    """

    name: str
    type: str
    default: object
    required: bool


@dataclass(frozen=True)
class SpecFile:
    """A compiled pipeline.

    Attributes:
        path: of the file.
        name: of the pipeline.
        parameters: by name.
        spec: the pipeline as a run takes it: the spec alone, or with what Kubernetes has to know.
        digest: twelve digits of its content; comments and order do not count.
    """

    path: Path
    name: str
    parameters: Mapping[str, Parameter]
    spec: Mapping[str, Any]
    digest: str


def read_spec_file(path: Path) -> SpecFile:
    """Reads a compiled pipeline.

    Raises:
        ConfigError: if there is no such file, or it is something else.
    """
    # A date without quotes is text to the server, which reads JSON.
    try:
        content = json.dumps(_documents(path), sort_keys=True, default=str)
    except (TypeError, ValueError, RecursionError) as error:  # Keys of two kinds, or a circle.
        raise _no_spec(path, "holds what JSON cannot say") from error
    pipeline, *others = json.loads(content)
    name = _checked_name(path, pipeline)
    if len(others) > 1 or any("platforms" not in one for one in others):
        raise _no_spec(path, "has further parts beside the pipeline's spec")
    spec = {"pipeline_spec": pipeline, "platform_spec": others[0]} if others else pipeline
    digest = hashlib.sha256(content.encode()).hexdigest()[:12]
    return SpecFile(path, name, _parameters(pipeline), spec, digest)


def _documents(path: Path) -> list[dict[str, Any]]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _no_spec(path, "has more than the 32 MiB that Kubeflow Pipelines takes")
        text = path.read_text(encoding="utf-8")
        loaded = list(yaml.load_all(text, yaml.CSafeLoader))
    except FileNotFoundError:
        raise ConfigError(f"{_named(path)}: there is no such file; {_HINT}.") from None
    except OSError as error:
        raise ConfigError(f"{_named(path)} cannot be read: {error.strerror}.") from error
    except (AttributeError, LookupError, RecursionError, ValueError, yaml.YAMLError) as error:
        # Beside its own, PyYAML lets those through that a value such as `2026-13-45` ends in.
        what = str(getattr(error, "problem", None) or first_line(error))
        raise _no_spec(path, f"is no YAML ({what})") from error
    documents = [one for one in loaded if one is not None]
    if not documents or not all(isinstance(one, dict) for one in documents):
        raise _no_spec(path, "holds no mapping")
    return documents


def _checked_name(path: Path, pipeline: dict[str, Any]) -> str:
    if "pipelineSpec" in pipeline or "job" in pipeline:
        raise ConfigError(
            f"{_named(path)} is a job for Vertex AI, which these commands know nothing of; "
            "docs/kubeflow.md says how to start it, and for Kubeflow Pipelines "
            f"{_HINT}."
        )
    if str(pipeline.get("apiVersion")).startswith("argoproj.io"):
        raise _no_spec(path, "is a workflow of Kubeflow Pipelines 1")
    name = _inside(pipeline, "pipelineInfo").get("name")
    if not (isinstance(name, str) and name and isinstance(pipeline.get("root"), dict)):
        raise _no_spec(path, "has no pipelineInfo with a name, or no root")
    if pipeline.get("schemaVersion") != _SCHEMA_VERSION:
        said = pipeline.get("schemaVersion")
        raise _no_spec(path, f"has schemaVersion {said!r} where {_SCHEMA_VERSION} is wanted")
    return name


def _parameters(pipeline: dict[str, Any]) -> dict[str, Parameter]:
    defined = _inside(_inside(_inside(pipeline, "root"), "inputDefinitions"), "parameters")
    return {name: _parameter(name, one) for name, one in defined.items() if isinstance(one, dict)}


def _parameter(name: str, defined: dict[str, Any]) -> Parameter:
    kind = str(defined.get("parameterType") or defined.get("type") or "STRING")
    default = defined.get("defaultValue")
    optional = bool(defined.get("isOptional"))
    return Parameter(
        name, _OLDER_TYPES.get(kind, kind), default, required=default is None and not optional
    )


def _inside(parent: dict[str, Any], key: str) -> dict[str, Any]:
    found = parent.get(key)
    return found if isinstance(found, dict) else {}


def _named(path: Path) -> str:
    return printable(str(path))


def _no_spec(path: Path, why: str) -> ConfigError:
    return ConfigError(f"{_named(path)} {why}, so it is no compiled pipeline; {_HINT}.")
