"""Walks the chain and tells of each component whether TFX would run or reuse it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ml_metadata import MetadataStore
from tfx.proto.orchestration import executable_spec_pb2, pipeline_pb2

from components.dataset.corrections import NO_CORRECTIONS, Corrected
from pipelines.component_properties import component_properties
from pipelines.config import PipelineConfig
from pipelines.folders import OutputFolders
from pipelines.metadata_store import opened_to_read
from pipelines.plan.cache_key import cache_key
from pipelines.plan.look_ups import LOOK_UPS
from pipelines.plan.records import Artifacts, Records
from pipelines.plan.template import compiled_before
from pipelines.run_facts import executor_text

RUN = "run"
REUSE = "reuse"
# A resolver: it looks something up in every run, which takes no time.
LOOK_UP = "look up"

# What its driver adds to the properties of an ExampleGen; photos have neither spans nor versions.
_FINGERPRINT = "input_fingerprint"
_SPAN = {"span": 0}
_VERSION = {"version": None}

_EXECUTORS = (
    executable_spec_pb2.PythonClassExecutableSpec,
    executable_spec_pb2.BeamExecutableSpec,
)


Sources = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Step:
    """What is to become of one component.

    Attributes:
        node: of the compiled pipeline.
        state: `run`, `reuse` or `look up`.
        properties: with which it is called, those of its driver among them.
        executor: its class and settings, as `pipelines.run_facts.executor_text`; a resolver has
            none.
        sources: of each input the outputs that it is: component and name of the output.
        inputs: artifacts that are there, by input.
        awaits: ids of components that it waits for, as they run.
        key: TFX's cache key; empty where an input is not there yet.
        execution: what is reused, or None.
        outputs: what is reused or was looked up, by output.
    """

    node: Any
    state: str
    properties: Mapping[str, Any]
    executor: str = ""
    sources: Sources = field(default_factory=dict)
    inputs: Artifacts = field(default_factory=dict)
    awaits: tuple[str, ...] = ()
    key: str = ""
    execution: Any = None
    outputs: Artifacts = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Of the component, such as `Trainer`."""
        return str(self.node.node_info.id)


@dataclass(frozen=True)
class Plan:
    """What a run would do.

    Attributes:
        pipeline: compiled.
        steps: in the order of the chain.
    """

    pipeline: Any
    steps: tuple[Step, ...]

    @property
    def nodes(self) -> dict[str, list[str]]:
        """Ids of the components, each with those that it waits for."""
        return {step.id: list(step.node.upstream_nodes) for step in self.steps}

    @property
    def is_all_reused(self) -> bool:
        """Whether no component would run."""
        return all(step.state != RUN for step in self.steps)


def planned_run(
    config: PipelineConfig,
    *,
    data: str,
    output: OutputFolders,
    corrected: Corrected = NO_CORRECTIONS,
    fingerprint: str,
) -> Plan | None:
    """Plans a run, and changes nothing.

    Args:
        config: what to do.
        data: the folder of photos, a manifest or an archive.
        output: where artifacts, metadata and models go.
        corrected: what a person decided about these photos.
        fingerprint: of the data.

    Returns:
        The plan, or None if this code has not compiled the pipeline yet.
    """
    told = component_properties(config, data=data, corrected=corrected)
    compiled = compiled_before(config.name, output, told)
    if compiled is None:
        return None
    return plan(compiled, opened_to_read(output), fingerprint=fingerprint)


def plan(pipeline: Any, store: MetadataStore, *, fingerprint: str) -> Plan:
    """Plans a run of a compiled pipeline.

    Args:
        pipeline: compiled.
        store: what earlier runs recorded.
        fingerprint: of the data.
    """
    walk = _Walk(pipeline, Records(store, pipeline.pipeline_info.id), fingerprint)
    return Plan(pipeline, tuple(walk.steps()))


class _Walk:
    """Goes along the chain, and keeps what is known of the components behind."""

    def __init__(self, pipeline: Any, records: Records, fingerprint: str) -> None:
        self._pipeline = pipeline
        self._records = records
        self._fingerprint = fingerprint
        self._deployment = pipeline_pb2.IntermediateDeploymentConfig()
        pipeline.deployment_config.Unpack(self._deployment)
        self._steps: dict[str, Step] = {}

    def steps(self) -> Iterator[Step]:
        for node in (node.pipeline_node for node in self._pipeline.nodes):
            step = self._step(node)
            self._steps[step.id] = step
            yield step

    def _step(self, node: Any) -> Step:
        inputs, awaits = self._inputs(node)
        properties = {
            name: _plain(parameter.field_value)
            for name, parameter in node.parameters.parameters.items()
        }
        executor = self._executor(node)
        if executor is None:
            look_up = LOOK_UPS[_strategy(node)]
            return Step(
                node, LOOK_UP, properties, awaits=awaits, outputs=look_up(self._records, inputs)
            )
        driver_found: dict[str, dict[str, Any]] = {}
        if node.node_info.id in self._deployment.custom_driver_specs:
            properties |= {_FINGERPRINT: self._fingerprint, **_SPAN, **_VERSION}
            driver_found["examples"] = {_FINGERPRINT: self._fingerprint, **_SPAN}
        runs = Step(
            node,
            RUN,
            properties,
            executor=executor_text(executor),
            sources=_sources(node),
            inputs=inputs,
            awaits=awaits,
        )
        if awaits:
            return runs
        key = cache_key(
            self._pipeline.pipeline_info,
            node,
            inputs,
            properties,
            executor=executor,
            driver_found=driver_found,
        )
        found = self._records.result_of(key)
        if found is None:
            return replace(runs, key=key)
        return replace(runs, state=REUSE, key=key, execution=found.execution, outputs=found.outputs)

    def _inputs(self, node: Any) -> tuple[dict[str, list[Any]], tuple[str, ...]]:
        """Returns the inputs of a component, of a resolver by the output; and who is awaited."""
        inputs: dict[str, list[Any]] = {}
        awaits: dict[str, None] = {}
        for name, spec in node.inputs.inputs.items():
            for channel in spec.channels:
                maker = self._steps.get(channel.producer_node_query.id)
                if maker is None:  # All of a type: what a resolver chooses from.
                    continue
                if maker.state == RUN:
                    awaits[maker.id] = None
                elif maker.state == LOOK_UP:
                    awaits.update(dict.fromkeys(maker.awaits))
                key = channel.output_key if spec.hidden else name
                inputs.setdefault(key, []).extend(maker.outputs.get(channel.output_key, ()))
        return inputs, tuple(awaits)

    def _executor(self, node: Any) -> Any | None:
        """Returns the executable spec of a component; a resolver has none."""
        packed = self._deployment.executor_specs.get(node.node_info.id)
        for kind in _EXECUTORS if packed else ():
            executor = kind()
            if packed.Unpack(executor):
                return executor
        return None


def _sources(node: Any) -> Sources:
    return {
        name: tuple((one.producer_node_query.id, one.output_key) for one in spec.channels)
        for name, spec in node.inputs.inputs.items()
    }


def _strategy(node: Any) -> str:
    """Returns the class by which a resolver chooses."""
    operations = [
        graph_node.op_node.op_type
        for graph in node.inputs.input_graphs.values()
        for graph_node in graph.nodes.values()
        if graph_node.WhichOneof("kind") == "op_node"
    ]
    return str(operations[0])


def _plain(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))
