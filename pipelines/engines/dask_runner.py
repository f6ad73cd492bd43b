"""Runs pipelines of Beam on a Dask cluster: `--runner=pipelines.engines.dask_runner.DaskRunner`.

Beam's own DaskRunner (2.77) computes nothing but what the last transform needs, so that of two
splits one is never written; it gives a transform's outputs to whoever reads any of them, drops what
is said when a bundle finishes, and reads no source. This one lets Beam fuse the pipeline into
stages, as its portable runners do, and hands each partition of each stage to a worker.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import distributed
from apache_beam.metrics import monitoring_infos
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import common_urns
from apache_beam.portability.api import (
    beam_fn_api_pb2,
    beam_runner_api_pb2,
    metrics_pb2,
)
from apache_beam.runners.common import ENCODED_IMPULSE_VALUE
from apache_beam.runners.dask.dask_runner import DaskOptions
from apache_beam.runners.portability.fn_api_runner import translations
from apache_beam.runners.portability.fn_api_runner.fn_runner import RunnerResult
from apache_beam.runners.runner import PipelineRunner, PipelineState
from apache_beam.runners.worker import bundle_processor
from apache_beam.transforms.environments import EmbeddedPythonEnvironment

from pipelines.engines import dask_tasks
from pipelines.engines.dask_tasks import METRICS, Grouping, SideInput, Stage

_IMPULSE = common_urns.primitives.IMPULSE.urn
_FLATTEN = common_urns.primitives.FLATTEN.urn
_GROUP_BY_KEY = common_urns.primitives.GROUP_BY_KEY.urn
_STAGE = common_urns.executable_stage

_REQUIREMENTS = (common_urns.requirements.REQUIRES_SPLITTABLE_DOFN.urn,)

# Partitions for each thread, so that a slow one does not keep the others waiting.
_PARTITIONS_PER_THREAD = 2

# Partitions of a PCollection, on the cluster.
_Partitions = list[Any]


class DaskRunner(PipelineRunner):
    """Runs batch pipelines on the cluster of `--dask_client_address`.

    Elements stay on the workers, which write to disk what does not fit into their memory. Timers
    and state of transforms are not supported; nothing of TFX uses them.
    """

    def default_environment(self, options: PipelineOptions) -> Any:
        """Returns that of the process: each worker has this project."""
        del options
        return EmbeddedPythonEnvironment.default()

    def run_portable_pipeline(self, pipeline: Any, options: PipelineOptions) -> RunnerResult:
        """Runs a pipeline to its end.

        Raises:
            Exception: whatever a transform raises.
            ValueError: if the pipeline needs what this runner does not offer.
        """
        self.check_requirements(pipeline, _REQUIREMENTS)
        fused = translations.optimize_pipeline(
            pipeline,
            phases=translations.standard_optimize_phases(),
            known_runner_urns=frozenset({_IMPULSE, _FLATTEN, _GROUP_BY_KEY}),
            partial=False,
        )
        asked = options.view_as(DaskOptions).get_all_options(drop_default=True, current_only=True)
        partitions = asked.pop("npartitions", None)
        with distributed.Client(**asked) as client:
            threads = sum(client.nthreads().values())
            submission = _Submission(
                client, fused, partitions or _PARTITIONS_PER_THREAD * max(threads, 1)
            )
            with submission.forgotten():
                return RunnerResult(PipelineState.DONE, submission.run())


class _Submission:
    """A pipeline that is handed to a cluster, task by task."""

    def __init__(self, client: distributed.Client, pipeline: Any, partitions: int) -> None:
        self._client = client
        self._id = uuid.uuid4().hex
        self._components = pipeline.components
        self._leaves = list(_leaves(pipeline.root_transform_ids, pipeline.components.transforms))
        self._parts = partitions
        self._coders = _windowed_coders(self._components)
        # Transforms and their code are in the stages; here are coders, for all tasks.
        described = beam_runner_api_pb2.Components(
            coders=self._components.coders,
            windowing_strategies=self._components.windowing_strategies,
            environments=self._components.environments,
        )
        self._described = described.SerializeToString(deterministic=True)
        self._collections: dict[str, _Partitions] = {}
        self._metrics: dict[str, list[Any]] = {}

    def run(self) -> dict[str, list[Any]]:
        """Returns what each stage counted."""
        waiting = self._leaves
        while waiting:
            ready = [leaf for leaf in waiting if self._has(leaf.inputs.values())]
            if not ready:
                raise RuntimeError(f"Nothing makes the inputs of {waiting[0].unique_name}.")
            for leaf in ready:
                self._submit(leaf)
            waiting = [leaf for leaf in waiting if leaf not in ready]
        # What nobody waits for is let go, so that workers need not keep it.
        self._collections.clear()
        return {name: self._counted(name) for name in self._metrics}

    @contextmanager
    def forgotten(self) -> Iterator[None]:
        """Lets workers forget the pipeline at its end, however it ends."""
        try:
            yield
        finally:
            with suppress(OSError):  # What matters is what ended the cluster.
                self._client.run(dask_tasks.forget, self._id, on_error="ignore")

    def _has(self, collections: Sequence[str]) -> bool:
        return all(name in self._collections for name in collections)

    def _counted(self, stage: str) -> list[Any]:
        counted = [
            metrics_pb2.MonitoringInfo.FromString(one)
            for bundle in self._client.gather(self._metrics[stage])
            for one in bundle
        ]
        return list(monitoring_infos.consolidate(counted))

    def _submit(self, transform: Any) -> None:
        if transform.spec.urn == _STAGE:
            self._submit_stage(transform)
            return
        (output,) = transform.outputs.values()
        if transform.spec.urn == _IMPULSE:
            self._collections[output] = [ENCODED_IMPULSE_VALUE]
        elif transform.spec.urn == _FLATTEN:
            self._collections[output] = [
                partition
                for name in transform.inputs.values()
                for partition in self._collections[name]
            ]
        elif transform.spec.urn == _GROUP_BY_KEY:
            (name,) = transform.inputs.values()
            self._collections[output] = self._grouped(name, output)
        else:
            raise RuntimeError(f"{transform.unique_name} is of a kind that Dask is not told of.")

    def _grouped(self, name: str, output: str) -> _Partitions:
        grouping = self._shared(
            Grouping(
                self._described,
                coder=self._coders[name],
                grouped_coder=self._coders[output],
                windowing=self._components.pcollections[name].windowing_strategy_id,
            )
        )
        spread = [
            self._task(dask_tasks.spread, grouping, partition, self._parts)
            for partition in self._collections[name]
        ]
        return [
            self._task(
                dask_tasks.group,
                grouping,
                *(self._task(dask_tasks.part_of, parts, number) for parts in spread),
            )
            for number in range(self._parts)
        ]

    def _submit_stage(self, transform: Any) -> None:
        payload = beam_runner_api_pb2.ExecutableStagePayload.FromString(transform.spec.payload)
        stage = self._stage(payload)
        shared = self._shared(stage)
        side_inputs = [
            self._collections[payload.components.transforms[one.transform].inputs[one.name]]
            for one in stage.side_inputs
        ]
        bundles = [
            self._task(dask_tasks.run_bundle, shared, partition, *side_inputs)
            for partition in self._collections[payload.input]
        ]
        for name in payload.outputs:
            self._collections[name] = [
                self._task(dask_tasks.part_of, bundle, name) for bundle in bundles
            ]
        self._metrics[transform.unique_name] = [
            self._task(dask_tasks.part_of, bundle, METRICS) for bundle in bundles
        ]

    def _stage(self, payload: Any) -> Stage:
        transforms = {name: payload.components.transforms[name] for name in payload.transforms}
        source = "source"
        transforms[source] = _port(
            bundle_processor.DATA_INPUT_URN,
            self._coders[payload.input],
            outputs={"out": payload.input},
        )
        sinks = {f"sink-{number}": name for number, name in enumerate(payload.outputs)}
        for sink, name in sinks.items():
            transforms[sink] = _port(
                bundle_processor.DATA_OUTPUT_URN, self._coders[name], inputs={"in": name}
            )
        descriptor = beam_fn_api_pb2.ProcessBundleDescriptor(
            id="stage",
            transforms=transforms,
            pcollections=payload.components.pcollections,
            coders=self._components.coders,
            windowing_strategies=payload.components.windowing_strategies,
            environments=payload.components.environments,
        )
        side_inputs = tuple(
            self._side_input(payload.components.transforms[one.transform_id], one)
            for one in payload.side_inputs
        )
        return Stage(
            self._id, descriptor.SerializeToString(deterministic=True), source, sinks, side_inputs
        )

    def _side_input(self, transform: Any, place: Any) -> SideInput:
        par_do = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
        access = par_do.side_inputs[place.local_name].access_pattern
        return SideInput(
            place.transform_id,
            place.local_name,
            access=access.SerializeToString(),
            coder=self._coders[transform.inputs[place.local_name]],
        )

    def _shared(self, value: Any) -> Any:
        """Sends what many tasks need once."""
        return self._client.scatter(value, hash=False)

    def _task(self, function: Any, *arguments: Any) -> Any:
        return self._client.submit(function, *arguments, pure=False)


def _leaves(names: Sequence[str], transforms: Any) -> Iterator[Any]:
    """Yields transforms that consist of no others; those that make nothing new need not run."""
    for name in names:
        transform = transforms[name]
        if transform.subtransforms:
            yield from _leaves(transform.subtransforms, transforms)
        elif not transform.outputs or set(transform.outputs.values()) - set(
            transform.inputs.values()
        ):
            yield transform


def _windowed_coders(components: Any) -> dict[str, str]:
    """Adds the coder of each PCollection's elements with their windows; returns their ids."""
    found = {}
    for name, collection in components.pcollections.items():
        strategy = components.windowing_strategies[collection.windowing_strategy_id]
        coder = f"windowed-{collection.coder_id}-{strategy.window_coder_id}"
        components.coders[coder].CopyFrom(
            beam_runner_api_pb2.Coder(
                spec=beam_runner_api_pb2.FunctionSpec(urn=common_urns.coders.WINDOWED_VALUE.urn),
                component_coder_ids=[collection.coder_id, strategy.window_coder_id],
            )
        )
        found[name] = coder
    return found


def _port(urn: str, coder: str, **ends: dict[str, str]) -> Any:
    """Returns a transform by which elements get into a stage, or out of it."""
    port = beam_fn_api_pb2.RemoteGrpcPort(coder_id=coder)
    spec = beam_runner_api_pb2.FunctionSpec(urn=urn, payload=port.SerializeToString())
    return beam_runner_api_pb2.PTransform(spec=spec, **ends)
