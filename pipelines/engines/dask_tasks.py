"""What the workers of a Dask cluster do for a pipeline of Beam: bundles of a stage, and grouping.

A PCollection is a list of partitions, each of them elements that Beam's own coders wrote one after
the other. Stages run in the SDK harness that Beam's other runners start, by its Fn API.
"""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import Any

import tfx  # noqa: F401 (first: it stands in for a module of tfx_bsl that TFDV 1.16 imports)
from apache_beam.coders.coder_impl import create_InputStream, create_OutputStream
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_fn_api_pb2, beam_runner_api_pb2
from apache_beam.runners.pipeline_context import PipelineContext
from apache_beam.runners.portability.fn_api_runner.execution import WindowGroupingBuffer
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    EmbeddedWorkerHandler,
    StateServicer,
)
from apache_beam.transforms.trigger import create_trigger_driver

# Under this name a bundle's result holds what it counted.
METRICS = ""


@dataclass(frozen=True)
class SideInput:
    """What a transform of a stage reads beside its elements.

    Attributes:
        transform: its id in the stage.
        name: of the input in the transform.
        access: how it reads, a serialized FunctionSpec.
        coder: id of the coder of its elements, with their windows.
    """

    transform: str
    name: str
    access: bytes
    coder: str


@dataclass(frozen=True)
class Stage:
    """Transforms that run as one, as often as there are partitions of its input.

    Attributes:
        pipeline: id of the pipeline that it belongs to.
        descriptor: a serialized ProcessBundleDescriptor.
        source: id of its transform that takes elements in.
        sinks: the PCollection that each transform that gives elements out writes, by id.
        side_inputs: that it reads.
    """

    pipeline: str
    descriptor: bytes
    source: str
    sinks: dict[str, str]
    side_inputs: tuple[SideInput, ...]

    @property
    def key(self) -> str:
        """Which stages are the same."""
        return hashlib.sha256(self.descriptor).hexdigest()


@dataclass(frozen=True)
class Grouping:
    """How elements are grouped by their keys and windows.

    Attributes:
        components: of the pipeline, serialized; coders are made of them.
        coder: id of the coder of pairs of key and value.
        grouped_coder: id of the coder of pairs of key and values.
        windowing: id of the windowing strategy.
    """

    components: bytes
    coder: str
    grouped_coder: str
    windowing: str


def run_bundle(stage: Stage, elements: bytes, *side_inputs: Sequence[bytes]) -> dict[str, Any]:
    """Runs a stage over a partition.

    Args:
        stage: to run.
        elements: of the partition.
        side_inputs: partitions of each of the stage's side inputs.

    Returns:
        Elements by PCollection; under `METRICS`, what was counted, serialized.

    Raises:
        Exception: whatever a transform raises.
    """
    if not elements:
        return {METRICS: [], **dict.fromkeys(stage.sinks.values(), b"")}
    with _HARNESSES.one(stage, side_inputs) as harness:
        return harness.run(elements)


def part_of(result: Any, name: Any) -> Any:
    """Returns what a result holds under a name or number."""
    return result[name]


def spread(grouping: Grouping, elements: bytes, parts: int) -> list[bytes]:
    """Divides a partition by key: equal keys come into equal parts, on whatever worker."""
    coder = _coders(grouping.components).get_by_id(grouping.coder)
    key_coder, implementation = coder.key_coder(), coder.get_impl()
    streams = [create_OutputStream() for _ in range(parts)]
    for element in _decoded(elements, implementation):
        key = hashlib.blake2b(key_coder.encode(element.value[0]), digest_size=8).digest()
        stream = streams[int.from_bytes(key, "big") % parts]
        implementation.encode_to_stream(element, stream, True)
    return [stream.get() for stream in streams]


def group(grouping: Grouping, *partitions: bytes) -> bytes:
    """Groups the elements of partitions that no other partition shares a key with."""
    context = _context(grouping.components)
    coder = context.coders.get_by_id(grouping.coder)
    key_coder, implementation = coder.key_coder(), coder.get_impl()
    by_key: dict[bytes, list[Any]] = defaultdict(list)
    for partition in partitions:
        for element in _decoded(partition, implementation):
            key, value = element.value
            by_key[key_coder.encode(key)].append(element.with_value(value))
    driver = create_trigger_driver(
        context.windowing_strategies.get_by_id(grouping.windowing), is_batch=True
    )
    grouped_coder = context.coders.get_by_id(grouping.grouped_coder).get_impl()
    stream = create_OutputStream()
    for encoded, values in by_key.items():
        for element in driver.process_entire_key(key_coder.decode(encoded), values):
            grouped_coder.encode_to_stream(element, stream, True)
    return bytes(stream.get())


def forget(pipeline: str) -> None:
    """Ends what was kept for the stages of a pipeline, such as models in memory."""
    _HARNESSES.forget(pipeline)


class _Harness:
    """Beam's SDK harness in this process, for one stage; it keeps what its transforms set up."""

    def __init__(self, stage: Stage, side_inputs: Iterable[Sequence[bytes]]) -> None:
        descriptor = beam_fn_api_pb2.ProcessBundleDescriptor.FromString(stage.descriptor)
        self._stage = stage
        self._state = StateServicer()
        self._handler = EmbeddedWorkerHandler(
            None, self._state, None, _Descriptors({descriptor.id: descriptor})
        )
        self._descriptor = descriptor.id
        self._numbers = count(1)
        components = beam_runner_api_pb2.Components(
            coders=descriptor.coders, windowing_strategies=descriptor.windowing_strategies
        )
        coders = PipelineContext(components).coders
        for side_input, partitions in zip(stage.side_inputs, side_inputs, strict=True):
            self._hold(side_input, partitions, coders.get_by_id(side_input.coder))

    def run(self, elements: bytes) -> dict[str, Any]:
        bundle = f"bundle-{next(self._numbers)}"
        stream = self._handler.data_conn.output_stream(bundle, self._stage.source)
        stream.write(elements)
        stream.close()
        request = beam_fn_api_pb2.InstructionRequest(
            instruction_id=bundle,
            process_bundle=beam_fn_api_pb2.ProcessBundleRequest(
                process_bundle_descriptor_id=self._descriptor
            ),
        )
        response = self._handler.control_conn.push(request).get()
        if response.process_bundle.residual_roots:
            raise RuntimeError("A transform left a part of its work for later, as in streaming.")
        written: dict[str, list[bytes]] = {name: [] for name in self._stage.sinks.values()}
        for output in self._handler.data_conn.input_elements(bundle, list(self._stage.sinks)):
            written[self._stage.sinks[output.transform_id]].append(output.data)
        metrics = response.process_bundle.monitoring_infos
        return {
            METRICS: [one.SerializeToString() for one in metrics],
            **{name: b"".join(parts) for name, parts in written.items()},
        }

    def stop(self) -> None:
        self._handler.stop_worker()

    def _hold(self, side_input: SideInput, partitions: Sequence[bytes], coder: Any) -> None:
        """Puts a side input where the harness asks for it."""
        access = beam_runner_api_pb2.FunctionSpec.FromString(side_input.access)
        values = WindowGroupingBuffer(access, coder)
        for partition in partitions:
            values.append(partition)
        by_key = access.urn == common_urns.side_inputs.MULTIMAP.urn
        place = {"transform_id": side_input.transform, "side_input_id": side_input.name}
        kinds = beam_fn_api_pb2.StateKey
        for key, window, data, number in values.encoded_items():
            at = {**place, "window": window}
            if not by_key:
                self._append(iterable_side_input=kinds.IterableSideInput(**at), data=data)
                continue
            self._append(multimap_side_input=kinds.MultimapSideInput(**at, key=key), data=data)
            self._append(multimap_keys_side_input=kinds.MultimapKeysSideInput(**at), data=key)
            self._append(
                multimap_keys_values_side_input=kinds.MultimapKeysValuesSideInput(**at),
                # As Beam writes an iterable of which it knows the length.
                data=key + number.to_bytes(4, "big") + data,
            )

    def _append(self, *, data: bytes, **place: Any) -> None:
        self._state.append_raw(beam_fn_api_pb2.StateKey(**place), data)


@dataclass(frozen=True)
class _Descriptors:
    """What a harness asks its runner for, under the name that Beam has for it."""

    _process_bundle_descriptors: dict[str, Any]


@dataclass
class _Harnesses:
    """Harnesses that do nothing now, by stage: a worker has several threads."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    idle: dict[tuple[str, str], list[_Harness]] = field(default_factory=lambda: defaultdict(list))

    def one(self, stage: Stage, side_inputs: Iterable[Sequence[bytes]]) -> _Lease:
        place = (stage.pipeline, stage.key)
        with self.lock:
            waiting = self.idle[place]
            harness = waiting.pop() if waiting else None
        return _Lease(self, place, harness or _Harness(stage, side_inputs))

    def forget(self, pipeline: str) -> None:
        with self.lock:
            places = [place for place in self.idle if place[0] == pipeline]
            ended = [harness for place in places for harness in self.idle.pop(place)]
        for harness in ended:
            harness.stop()


@dataclass(frozen=True)
class _Lease:
    """A harness for one bundle; it is kept unless the bundle fails."""

    harnesses: _Harnesses
    place: tuple[str, str]
    harness: _Harness

    def __enter__(self) -> _Harness:
        return self.harness

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind:
            return
        with self.harnesses.lock:
            self.harnesses.idle[self.place].append(self.harness)


_HARNESSES = _Harnesses()


def _decoded(elements: bytes, coder: Any) -> Iterator[Any]:
    stream = create_InputStream(elements)
    while stream.size() > 0:
        yield coder.decode_from_stream(stream, True)


@lru_cache(maxsize=8)
def _context(components: bytes) -> Any:
    return PipelineContext(beam_runner_api_pb2.Components.FromString(components))


def _coders(components: bytes) -> Any:
    return _context(components).coders
