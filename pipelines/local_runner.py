"""Runs the pipeline on this machine, with ML Metadata in SQLite.

The command line calls `run`. TFX's own command line runs this file, on the folders named in
WARMSTART_DATA and WARMSTART_OUTPUT, by default the sample photos and ./warmstart-output:

    tfx pipeline create --engine=local --pipeline-path=pipelines/local_runner.py
    tfx run create --engine=local --pipeline-name=warmstart
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tfx.dsl.compiler.compiler import Compiler
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.proto.orchestration import pipeline_pb2

import samples
from components.dataset.corrections import NO_CORRECTIONS, Corrected
from pipelines.component_properties import component_properties
from pipelines.config import PipelineConfig, load_config
from pipelines.engines.arguments import IN_MEMORY, beam_arguments
from pipelines.environment.visible_gpus import show_gpus
from pipelines.folders import DEFAULT_OUTPUT, OutputFolders, prepare_output
from pipelines.image_pipeline import create_pipeline
from pipelines.outcome import SKIPPED, ComponentRun, new_run_id
from pipelines.pipeline_run import Listener, PipelineRun
from pipelines.plan.template import keep_compiled
from pipelines.run_facts import RunFacts
from pipelines.run_lock import exclusive_run
from schemas.corrections import read_corrections
from schemas.store_version import check_may_be_written


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
        beam_arguments: Sequence[str] = IN_MEMORY,
    ) -> None:
        """Names the run.

        Args:
            run_id: of the run in ML Metadata; by default the time.
            listener: called with each component when it starts and when it ends.
            facts: what is recorded of the run, beside what every component is recorded with.
            beam_arguments: where Beam's work is done.
        """
        super().__init__()
        self._run_id = run_id or new_run_id()
        self._listener = listener or (lambda component: None)
        self._facts = facts
        self._beam_arguments = beam_arguments

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
        begun = set()

        def listen(component: ComponentRun) -> None:
            begun.add(component.id)
            self._listener(component)

        run = PipelineRun(
            pipeline,
            self._run_id,
            facts=self._facts,
            listener=listen,
            beam_arguments=self._beam_arguments,
        )
        try:
            for node in run.nodes:
                run.run_node(node)
        except BaseException:  # Ctrl-C may come between two of them, too.
            for node in run.nodes:
                if node.node_info.id not in begun:
                    self._listener(ComponentRun(node.node_info.id, SKIPPED, 0.0))
            raise


def compiled_pipeline(
    config: PipelineConfig,
    *,
    data: str,
    output: OutputFolders,
    corrected: Corrected = NO_CORRECTIONS,
) -> pipeline_pb2.Pipeline:
    """Compiles the pipeline, and keeps it for later plans. Arguments as in `run`."""
    pipeline = create_pipeline(config, data=data, output=output, corrected=corrected)
    compiled = Compiler().compile(pipeline)
    told = component_properties(config, data=data, corrected=corrected)
    keep_compiled(compiled, config.name, output, told)
    return compiled


def run(
    config: PipelineConfig,
    *,
    data: str,
    output: OutputFolders,
    corrected: Corrected = NO_CORRECTIONS,
    run_id: str | None = None,
    listener: Listener | None = None,
    force: bool = False,
) -> None:
    """Runs the whole pipeline.

    Args:
        config: what to do.
        data: the folder that holds a folder of photos for each class.
        output: where artifacts, metadata and models go.
        corrected: what a person decided about these photos.
        run_id: of the run in ML Metadata; by default the time.
        listener: called with each component when it starts and when it ends.
        force: run every component, whatever earlier runs made.

    Raises:
        WarmstartError: if the photos, weights or GPUs cannot be used.
        Exception: whatever the failing component raised.
    """
    show_gpus(config.gpus)
    compiled = compiled_pipeline(config, data=data, output=output, corrected=corrected)
    for node in compiled.nodes if force else ():
        node.pipeline_node.execution_options.caching_options.enable_cache = False
    facts = RunFacts.of(config, data)
    ReportingDagRunner(
        run_id, listener, facts=facts, beam_arguments=beam_arguments(config.engine)
    ).run_with_ir(compiled)


if __name__ == "__main__":
    folders = prepare_output(Path(os.environ.get("WARMSTART_OUTPUT", DEFAULT_OUTPUT)))
    # Which of them change anything is not looked up here: ImageExampleGen has all of them.
    decided = tuple(read_corrections(folders.corrections))
    with exclusive_run(folders):
        check_may_be_written(folders.metadata)
        run(
            load_config(),
            data=os.environ.get("WARMSTART_DATA", str(samples.PHOTOS_FOLDER)),
            output=folders,
            corrected=Corrected(applied=decided, changing=decided),
        )
