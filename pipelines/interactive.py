"""Runs the pipeline in a notebook, one component after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from apache_beam.utils import interactive_utils
from tfx.dsl.compiler import compiler
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration import metadata
from tfx.orchestration.experimental.interactive.execution_result import ExecutionResult
from tfx.orchestration.experimental.interactive.interactive_context import InteractiveContext
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable.mlmd import execution_lib
from tfx.proto.orchestration import pipeline_pb2

from pipelines.captured_output import messages_to, output_to
from pipelines.outcome import new_run_id
from pipelines.pipeline_run import PipelineRun
from pipelines.run_facts import RunFacts
from schemas.output_folders import OutputFolders
from schemas.run_folder import LOGS_FOLDER, component_log
from schemas.store_version import check_may_be_written


class PipelineContext(InteractiveContext):
    """TFX's InteractiveContext for the components of a pipeline, run as the pipeline runs them.

    TFX's own launches components in an older way: it calls no driver of ours, knows no output but
    `examples` of an ExampleGen, and makes a run of its own of each component. Here all of them
    belong to one run, with the cache and the records of any other.
    """

    def __init__(
        self, pipeline: Pipeline, output: OutputFolders, *, facts: RunFacts | None = None
    ) -> None:
        """Runs nothing yet.

        Args:
            pipeline: whose components are run.
            output: the folder that it writes to; what libraries print goes to the run's logs.
            facts: that are recorded of each run.
        """
        super().__init__(
            pipeline_name=pipeline.pipeline_info.pipeline_name,
            pipeline_root=pipeline.pipeline_info.pipeline_root,
            metadata_connection_config=pipeline.metadata_connection_config,
            beam_pipeline_args=pipeline.beam_pipeline_args,
        )
        self._compiled = compiler.Compiler().compile(pipeline)
        self._components: dict[str, BaseNode] = {one.id: one for one in pipeline.components}
        self._output = output
        self._facts = facts
        # None before the first run, and while one may have failed.
        self._run: PipelineRun | None = None
        self._logs = output.runs
        # Ids of the executions in this run, by component.
        self._done: dict[str, int] = {}

    def run(self, component: BaseNode, *, enable_cache: bool = True) -> ExecutionResult:
        """Runs a component, after those that it needs and that have not run yet.

        Whoever runs a component again, or after one has failed, begins a new run; what comes
        before it is taken from the cache.

        Args:
            component: of the pipeline.
            enable_cache: take its result from the cache if nothing that decides about it changed.

        Returns:
            The execution, which a notebook shows; the outputs of the component hold its artifacts.

        Raises:
            PipelineError: if the store is not one that this version writes to.
            Exception: whatever the component raised.
        """
        run = self._run
        if run is None or component.id in self._done:
            run = self._begun()
        self._run = None
        for node in _needed(component.id, run.nodes):
            node_id = node.node_info.id
            if node_id not in self._done:
                use = enable_cache or node_id != component.id
                node.execution_options.caching_options.enable_cache = use
                log = self._logs / component_log(node_id)
                with output_to(log), messages_to(log), _beam_as_outside_of_notebooks():
                    self._done[node_id] = run.run_node(node).execution_id
                    self._fill(self._components[node_id], self._done[node_id])
        self._run = run
        return ExecutionResult(component=component, execution_id=self._done[component.id])

    def _begun(self) -> PipelineRun:
        self._done = {}
        check_may_be_written(self._output.metadata)
        run_id = new_run_id()
        self._logs = self._output.runs / run_id / LOGS_FOLDER
        self._logs.mkdir(parents=True)
        compiled = pipeline_pb2.Pipeline()
        compiled.CopyFrom(self._compiled)
        return PipelineRun(compiled, run_id, facts=self._facts)

    def _fill(self, component: BaseNode, execution_id: int) -> None:
        """Puts what an execution made, or took from the cache, into the component's outputs."""
        with metadata.Metadata(self.metadata_connection_config) as handle:
            found = execution_lib.get_output_artifacts(handle, execution_id)
        for name, channel in component.outputs.items():
            channel.set_artifacts(found.get(name, []))


def _needed(node_id: str, nodes: Sequence[Any]) -> list[Any]:
    """Returns a component and all that it needs, in the order of the pipeline."""
    wanted = {node_id}
    for node in reversed(nodes):
        if node.node_info.id in wanted:
            wanted.update(node.upstream_nodes)
    return [node for node in nodes if node.node_info.id in wanted]


@contextmanager
def _beam_as_outside_of_notebooks() -> Iterator[None]:
    """Keeps Beam from naming its steps after cells: that code needs pandas before 2.4."""
    asked = interactive_utils.is_in_ipython
    interactive_utils.is_in_ipython = lambda: False
    try:
        yield
    finally:
        interactive_utils.is_in_ipython = asked
