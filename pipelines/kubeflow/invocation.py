"""What Kubeflow's launcher tells a step: arguments, and JSON in one of them."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.kubeflow.names import kebab
from pipelines.kubeflow.uris import local_path

# An output of the launcher's own, where it keeps logs; no step writes it.
_LOGS = "executor-logs"


@dataclass(frozen=True)
class Handed:
    """An artifact as Kubeflow hands it over.

    Attributes:
        name: its id in Kubeflow's ML Metadata, or just the name of an output.
        uri: where it lies, often in object storage.
        path: where it lies for this step.
        metadata: what was recorded of it, by name.
    """

    name: str
    uri: str
    path: str
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Invocation:
    """What a step is to do.

    Attributes:
        step: its id.
        executor: the class that does it, to be imported.
        parameters: by name, of the types that the compiler saw.
        types: the class of each artifact, by the name of input or output.
        inputs: artifacts by the input's name.
        outputs: artifacts to be written, by the output's name.
        output_file: where to say what was written.
        flags: for Beam.
    """

    step: str
    executor: str
    parameters: dict[str, Any]
    types: dict[str, str]
    inputs: dict[str, list[Handed]]
    outputs: dict[str, Handed]
    output_file: str
    flags: list[str]

    @property
    def run_id(self) -> str | None:
        """The run: the part of an output's address before the step.

        Vertex AI adds a number to the step, and may call it by either of its names.
        """
        step = re.compile(rf"/(?:{kebab(self.step)}|{self.step})(?:_-?\d+)?/")
        for output in self.outputs.values():
            if found := [*step.finditer(output.uri)]:
                return output.uri[: found[-1].start()].rsplit("/", 1)[-1]
        return None


def parse(arguments: Sequence[str]) -> Invocation:
    """Reads the arguments that `pipelines.kubeflow.spec` wrote and the launcher filled in."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("--step", "--executor", "--interface", "--executor_input"):
        parser.add_argument(name, required=True)
    known, flags = parser.parse_known_args(arguments)
    interface = json.loads(known.interface)
    told = json.loads(known.executor_input)
    inputs, outputs = told.get("inputs", {}), told.get("outputs", {})
    kinds = interface["parameters"]
    return Invocation(
        step=known.step,
        executor=known.executor,
        parameters={
            name: _typed(kinds[name], value)
            for name, value in inputs.get("parameterValues", {}).items()
            if name in kinds
        },
        types=interface["types"],
        inputs={
            name: [_handed(artifact) for artifact in group.get("artifacts", [])]
            for name, group in inputs.get("artifacts", {}).items()
        },
        outputs={
            name: _handed(group["artifacts"][0])
            for name, group in outputs.get("artifacts", {}).items()
            if name != _LOGS
        },
        output_file=local_path(outputs["outputFile"]),
        flags=flags,
    )


def _typed(kind: str, value: Any) -> Any:
    """Returns a number as it was: JSON has no integers of its own, and writes 1.0 as 1."""
    if kind == "NUMBER_INTEGER":
        return int(value)
    return float(value) if kind == "NUMBER_DOUBLE" else value


def _handed(artifact: Mapping[str, Any]) -> Handed:
    uri = artifact["uri"]
    return Handed(
        name=artifact.get("name", ""),
        uri=uri,
        path=artifact.get("customPath") or local_path(uri),
        metadata=artifact.get("metadata", {}),
    )
