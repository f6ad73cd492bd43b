"""Runs the pipeline on this machine, with ML Metadata in SQLite.

The command line calls `run`. TFX's own command line runs this file, on the folders named in
WARMSTART_DATA and WARMSTART_OUTPUT, by default the sample photos and ./warmstart-output:

    tfx pipeline create --engine=local --pipeline-path=pipelines/local_runner.py
    tfx run create --engine=local --pipeline-name=warmstart
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2

import samples
from components.dataset.corrections import NO_CORRECTIONS, Corrected
from pipelines.config import PipelineConfig, load_config, plain_yaml
from pipelines.folders import DEFAULT_OUTPUT, OutputFolders, prepare_output
from pipelines.image_pipeline import create_pipeline
from pipelines.outcome import (
    CACHED,
    EXECUTED,
    FAILED,
    RUNNING,
    SKIPPED,
    ComponentRun,
    new_run_id,
)
from pipelines.run_recorder import RunFacts, RunRecorder
from schemas.corrections import read_corrections

Listener = Callable[[ComponentRun], None]

_log = logging.getLogger(__name__)


class ReportingDagRunner(LocalDagRunner):
    """TFX's LocalDagRunner that tells a listener when a component starts and ends.

    It also records of each run what TFX does not, see `pipelines.run_recorder`.
    """

    def __init__(
        self,
        run_id: str | None = None,
        listener: Listener | None = None,
        *,
        facts: RunFacts | None = None,
    ) -> None:
        """Names the run.

        Args:
            run_id: of the run in ML Metadata; by default the time.
            listener: called with each component when it starts and when it ends.
            facts: what is recorded of the run, beside what every component is recorded with.
        """
        super().__init__()
        self._run_id = run_id or new_run_id()
        self._listener = listener or (lambda component: None)
        self._facts = facts

    def run_with_ir(
        self,
        pipeline: pipeline_pb2.Pipeline,
        run_options: pipeline_pb2.RunOptions | None = None,
    ) -> None:
        """Runs one node after the other, as LocalDagRunner does; partial runs are not offered.

        Raises:
            NotImplementedError: if `run_options` are given.
            Exception: whatever the failing component raised.
        """
        if run_options:
            raise NotImplementedError(f"Partial runs are not supported: {run_options}")
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {"pipeline-run-id": self._run_id}
        )
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        connection = getattr(
            deployment.metadata_connection_config,
            deployment.metadata_connection_config.WhichOneof("connection_config"),
        )
        nodes = [node.pipeline_node for node in pipeline.nodes]
        recorder = RunRecorder(connection, self._run_id, self._facts)
        recorder.begin({node.node_info.id: list(node.upstream_nodes) for node in nodes})
        for index, node in enumerate(nodes):
            try:
                self._run_node(pipeline, node, deployment, connection, recorder)
            except BaseException:
                for later in nodes[index + 1 :]:
                    self._listener(ComponentRun(later.node_info.id, SKIPPED, 0.0))
                raise

    def _run_node(
        self,
        pipeline: pipeline_pb2.Pipeline,
        node: pipeline_pb2.PipelineNode,
        deployment: object,
        connection: object,
        recorder: RunRecorder,
    ) -> None:
        node_id = node.node_info.id
        executor_spec = runner_utils.extract_executor_spec(deployment, node_id)
        started = time.perf_counter()
        self._listener(ComponentRun(node_id, RUNNING, 0.0))
        state = FAILED
        failure: BaseException | None = None
        try:
            execution = launcher.Launcher(
                pipeline_node=node,
                mlmd_connection=metadata.Metadata(connection),
                pipeline_info=pipeline.pipeline_info,
                pipeline_runtime_spec=pipeline.runtime_spec,
                executor_spec=executor_spec,
                custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
            ).launch()
            # The launcher makes the executor's temporary folder only if it runs the executor.
            reused = execution is not None and not execution.tmp_dir
            state = CACHED if reused and executor_spec else EXECUTED
        except BaseException as error:
            failure = error
            if isinstance(error, Exception):
                _log.exception("%s failed.", node_id)
            raise
        finally:
            seconds = time.perf_counter() - started
            recorder.end_component(executor_spec, seconds, failure)
            self._listener(ComponentRun(node_id, state, seconds))


def run(
    config: PipelineConfig,
    *,
    data: str,
    output: OutputFolders,
    corrected: Corrected = NO_CORRECTIONS,
    run_id: str | None = None,
    listener: Listener | None = None,
) -> None:
    """Runs the whole pipeline.

    Args:
        config: what to do.
        data: the folder that holds a folder of photos for each class.
        output: where artifacts, metadata and models go.
        corrected: what a person decided about these photos.
        run_id: of the run in ML Metadata; by default the time.
        listener: called with each component when it starts and when it ends.

    Raises:
        WarmstartError: if the photos or weights cannot be used.
        Exception: whatever the failing component raised.
    """
    pipeline = create_pipeline(config, data=data, output=output, corrected=corrected)
    facts = RunFacts(configuration=plain_yaml(config.resolved), data=data)
    ReportingDagRunner(run_id, listener, facts=facts).run(pipeline)


if __name__ == "__main__":
    folders = prepare_output(Path(os.environ.get("WARMSTART_OUTPUT", DEFAULT_OUTPUT)))
    # Which of them change anything is not looked up here: ImageExampleGen has all of them.
    decided = tuple(read_corrections(folders.corrections))
    run(
        load_config(),
        data=os.environ.get("WARMSTART_DATA", str(samples.PHOTOS_FOLDER)),
        output=folders,
        corrected=Corrected(applied=decided, changing=decided),
    )
