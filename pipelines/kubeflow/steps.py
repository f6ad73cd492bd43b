"""The steps of the pipeline, as TFX's components describe them, in plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.orchestration.pipeline import Pipeline

from components.image_example_gen.fingerprint import FINGERPRINT_KEY, PhotosFingerprint
from components.lookup import Lookup

Property = int | float | str

FINGERPRINT_STEP = "PhotosFingerprint"

# The property of Evaluator and ReportGen.
SPLIT_KEY = "split"

_EXAMPLE_GEN = "ImageExampleGen"
_FINGERPRINT_PROPERTIES = ("input_base", "max_pixels")


@dataclass(frozen=True)
class Source:
    """An output of another step.

    Attributes:
        step: its id.
        output: the output's name.
        found: whether it is what a lookup found: text that says what or where, no artifact.
    """

    step: str
    output: str
    found: bool = False


@dataclass(frozen=True)
class Step:
    """A step of the pipeline.

    Attributes:
        id: of the component, such as `Trainer`.
        executor: its class, to be imported.
        properties: by name; those that are not set are left out.
        inputs: where each comes from.
        outputs: the class of each artifact, to be imported.
        types: the class of each input's artifacts; those that are no artifact are left out.
        after: ids of the steps that it waits for.
        flags: for Beam.
        is_lookup: whether its outputs are text.
    """

    id: str
    executor: str
    properties: dict[str, Property]
    inputs: dict[str, Source]
    outputs: dict[str, str]
    types: dict[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    is_lookup: bool = False


def steps_of(pipeline: Pipeline, *, split: str) -> list[Step]:
    """Returns the steps in their order, with that which does the work of ImageExampleGen's driver.

    TFX runs that driver before it looks into the cache. Kubeflow has nothing of the kind: a step
    that always runs tells ImageExampleGen, by a property, which photos there are.

    Args:
        pipeline: as `create_pipeline` returns it.
        split: to evaluate with; what `auto` is only the data tells, so the steps find out.
    """
    pipeline.finalize()
    nodes = [_step(node, pipeline.beam_pipeline_args) for node in pipeline.components]
    steps = {step.id: _evaluated_with(split, step) for step in nodes}
    lookups = {step.id for step in steps.values() if step.is_lookup}
    return [
        with_driver
        for step in steps.values()
        for with_driver in _with_driver(_marked(step, lookups))
    ]


def _step(node: BaseComponent, beam_args: Iterable[str]) -> Step:
    executor = node.executor_spec.executor_class
    return Step(
        id=node.id,
        executor=_path(executor),
        properties={
            name: _plain(node.id, name, value)
            for name, value in node.exec_properties.items()
            if value is not None
        },
        inputs={
            name: Source(channel.producer_component_id, channel.output_key)
            for name, channel in node.inputs.items()
        },
        outputs={name: _path(channel.type) for name, channel in node.outputs.items()},
        types={name: _path(channel.type) for name, channel in node.inputs.items()},
        after=tuple(sorted(upstream.id for upstream in node.upstream_nodes)),
        flags=tuple(beam_args) if isinstance(node.executor_spec, BeamExecutorSpec) else (),
        is_lookup=issubclass(executor, Lookup),
    )


def _evaluated_with(split: str, step: Step) -> Step:
    if SPLIT_KEY not in step.properties:
        return step
    return replace(step, properties={**step.properties, SPLIT_KEY: split})


def _marked(step: Step, lookups: set[str]) -> Step:
    """Marks the inputs that lookups have found."""
    inputs = {
        name: Source(source.step, source.output, found=source.step in lookups)
        for name, source in step.inputs.items()
    }
    return replace(step, inputs=inputs)


def _with_driver(step: Step) -> list[Step]:
    if step.id != _EXAMPLE_GEN:
        return [step]
    driver = Step(
        id=FINGERPRINT_STEP,
        executor=_path(PhotosFingerprint),
        properties={name: step.properties[name] for name in _FINGERPRINT_PROPERTIES},
        inputs={},
        outputs={FINGERPRINT_KEY: ""},
        is_lookup=True,
    )
    told = {FINGERPRINT_KEY: Source(FINGERPRINT_STEP, FINGERPRINT_KEY, found=True)}
    return [driver, replace(step, inputs=told, after=(FINGERPRINT_STEP,))]


def _path(of: type) -> str:
    return f"{of.__module__}.{of.__qualname__}"


def _plain(step: str, name: str, value: object) -> Property:
    """Returns a property as it is; TFX has made text of whatever is not plain."""
    if isinstance(value, int | float | str):
        return value
    raise TypeError(f"{step}: the property {name} is a {type(value).__name__}, not plain.")
