"""Runs the components of a compiled pipeline one by one, and records what became of each."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto.orchestration import pipeline_pb2

from pipelines.engines.arguments import IN_MEMORY
from pipelines.executor_operators import executor_operators
from pipelines.outcome import CACHED, EXECUTED, FAILED, RUNNING, ComponentRun
from pipelines.resource_use import ResourceMeter
from pipelines.run_facts import RunFacts
from pipelines.run_recorder import RunRecorder

Listener = Callable[[ComponentRun], None]

_log = logging.getLogger(__name__)


class PipelineRun:
    """One run of a pipeline: a context in ML Metadata that components are run in."""

    def __init__(
        self,
        pipeline: pipeline_pb2.Pipeline,
        run_id: str,
        *,
        facts: RunFacts | None = None,
        listener: Listener | None = None,
        beam_arguments: Sequence[str] = IN_MEMORY,
    ) -> None:
        """Records the run as a whole.

        Args:
            pipeline: compiled; the id of the run is written into it.
            run_id: of the run in ML Metadata.
            facts: of the run, where they are known.
            listener: called with each component when it starts and when it ends.
            beam_arguments: where Beam's work is done; of no importance for the cache.
        """
        runtime_parameter_utils.substitute_runtime_parameter(pipeline, {"pipeline-run-id": run_id})
        self._pipeline = pipeline
        self._listener = listener or (lambda component: None)
        self._operators = executor_operators(beam_arguments)
        self._deployment = runner_utils.extract_local_deployment_config(pipeline)
        config = self._deployment.metadata_connection_config
        self._connection = getattr(config, config.WhichOneof("connection_config"))
        self.nodes: list[Any] = [node.pipeline_node for node in pipeline.nodes]
        self._recorder = RunRecorder(self._connection, run_id, facts)
        self._recorder.begin({node.node_info.id: list(node.upstream_nodes) for node in self.nodes})

    def run_node(self, node: Any) -> ExecutionInfo:
        """Runs a component, or takes its result from the cache.

        Args:
            node: one of `nodes`; those that it needs were run before.

        Returns:
            The execution; of one from the cache, it does not hold the outputs.

        Raises:
            PipelineError: if the component made less than it promises.
            Exception: whatever the component raised.
        """
        node_id = node.node_info.id
        executor_spec = runner_utils.extract_executor_spec(self._deployment, node_id)
        started = time.perf_counter()
        meter = ResourceMeter()
        self._listener(ComponentRun(node_id, RUNNING, 0.0))
        state = FAILED
        failure: BaseException | None = None
        try:
            execution = launcher.Launcher(
                pipeline_node=node,
                mlmd_connection=metadata.Metadata(self._connection),
                pipeline_info=self._pipeline.pipeline_info,
                pipeline_runtime_spec=self._pipeline.runtime_spec,
                executor_spec=executor_spec,
                custom_driver_spec=runner_utils.extract_custom_driver_spec(
                    self._deployment, node_id
                ),
                custom_executor_operators=self._operators,
            ).launch()
            # The launcher makes the executor's temporary folder only if it runs the executor.
            state = CACHED if executor_spec and not execution.tmp_dir else EXECUTED
        except BaseException as error:
            failure = error
            if isinstance(error, Exception):
                _log.exception("%s failed.", node_id)
            raise
        finally:
            seconds = time.perf_counter() - started
            used = meter.read()
            self._recorder.end_component(executor_spec, seconds, failure, used=used)
            self._listener(ComponentRun(node_id, state, seconds, used))
        return execution
