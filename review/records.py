"""What ML Metadata holds, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Value = str | int | float | bool

EXECUTED = "executed"
CACHED = "cached"
FAILED = "failed"
# Running at the moment, or killed: the store cannot tell.
UNFINISHED = "unfinished"
# Of a component that a run never came to.
NOT_REACHED = "not reached"

SUCCEEDED = "succeeded"

LIVE = "live"
DELETED = "deleted"
# Neither, such as what a component that failed was to write.
PARTIAL = "partial"


@dataclass(frozen=True)
class RunHead:
    """A run, without its executions.

    Attributes:
        id: in the store; a later run has a higher one.
        name: under which people know it.
        started: when, in UTC.
        record: what `pipelines.run_recorder` wrote, by `schemas.run_record`; empty in a store
            that others wrote.
    """

    id: int
    name: str
    started: datetime
    record: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Artifact:
    """An artifact.

    Attributes:
        id: in the store.
        type: such as `Model`.
        uri: where it lies, as it was recorded.
        state: `live`, `deleted` or `partial`.
        created: when it was published, in UTC.
        changed: when its entry was last changed, in UTC.
        properties: TFX's, and those of its component.
    """

    id: int
    type: str
    uri: str
    state: str
    created: datetime
    changed: datetime
    properties: Mapping[str, Value] = field(default_factory=dict)

    @property
    def is_blessed(self) -> bool:
        """Whether it is a ModelBlessing, or InfraBlessing of ours, that was given."""
        return self.properties.get("blessed") == 1

    @property
    def is_pushed(self) -> bool:
        """Whether it is a PushedModel of which a version was pushed."""
        return self.properties.get("pushed") == 1

    @property
    def destination(self) -> str:
        """The folder of the version that it was pushed to, as it was recorded, or empty."""
        return str(self.properties.get("pushed_destination", ""))


@dataclass(frozen=True)
class Execution:
    """What became of one component in one run.

    Attributes:
        id: in the store.
        node: id of the component, such as `Trainer`.
        component: its class, with the module.
        run: name of the run, or empty.
        pipeline: name of the pipeline, or empty.
        cache_key: TFX's, or None: two executions with the same one are interchangeable.
        state: `executed`, `cached`, `failed` or `unfinished`.
        started: when, in UTC.
        seconds: that it took, or None if it did not end.
        inputs: ids of artifacts by the name of the input.
        outputs: the same of the outputs.
        properties: with which it was called.
        record: what `pipelines.run_recorder` wrote, by `schemas.run_record`.
    """

    id: int
    node: str
    component: str
    run: str
    pipeline: str
    cache_key: str | None
    state: str
    started: datetime
    seconds: float | None
    inputs: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, tuple[int, ...]]
    properties: Mapping[str, Value]
    record: Mapping[str, Value] = field(default_factory=dict)

    @property
    def is_resolver(self) -> bool:
        """Whether it only looks artifacts up, as TFX's Resolver does in every run."""
        return self.component.rpartition(".")[2] == "Resolver"

    @property
    def output_ids(self) -> list[int]:
        """Ids of all output artifacts."""
        return [number for numbers in self.outputs.values() for number in numbers]

    @property
    def input_ids(self) -> list[int]:
        """Ids of all input artifacts."""
        return [number for numbers in self.inputs.values() for number in numbers]


@dataclass(frozen=True)
class Run:
    """A run with its executions.

    Attributes:
        head: what identifies it.
        executions: in the order in which they began.
        unreached: ids of components that it never came to, where that is recorded, each with
            those that it waits for.
    """

    head: RunHead
    executions: tuple[Execution, ...]
    unreached: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Under which people know it."""
        return self.head.name

    @property
    def pipeline(self) -> str:
        """Name of its pipeline, or empty."""
        return next((execution.pipeline for execution in self.executions), "")

    @property
    def state(self) -> str:
        """`succeeded`, `failed` or `unfinished`."""
        states = {execution.state for execution in self.latest.values()}
        if FAILED in states:
            return FAILED
        if UNFINISHED in states or self.unreached or not states:
            return UNFINISHED
        return SUCCEEDED

    @property
    def latest(self) -> dict[str, Execution]:
        """The latest execution of each component: a notebook may run one again in the same run."""
        return {execution.node: execution for execution in self.executions}

    @property
    def seconds(self) -> float:
        """What all components took together."""
        return sum(execution.seconds or 0.0 for execution in self.executions)

    @property
    def made_ids(self) -> list[int]:
        """Ids of what its components made or reused, in their order; not what resolvers found."""
        return [n for one in self.executions if not one.is_resolver for n in one.output_ids]

    def count(self, state: str) -> int:
        """Returns how many components are in a state; resolvers count for none."""
        return sum(e.state == state and not e.is_resolver for e in self.latest.values())

    def execution_of(self, node: str) -> Execution | None:
        """Returns the latest execution of a component, or None."""
        return self.latest.get(node)


def plain(properties: Any) -> dict[str, Value]:
    """Returns ML Metadata's properties as plain values; structures become JSON."""
    from google.protobuf import json_format  # noqa: PLC0415 (for the few that have one)

    found: dict[str, Value] = {}
    for name, value in properties.items():
        kind = value.WhichOneof("value")
        if kind == "struct_value":
            found[name] = json_format.MessageToJson(value.struct_value, indent=None)
        elif kind and kind != "proto_value":
            found[name] = getattr(value, kind)
    return found
