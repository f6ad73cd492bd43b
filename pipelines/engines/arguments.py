"""The arguments by which Beam is told of an engine."""

from __future__ import annotations

import os

from pipelines.engines.config import (
    DASK,
    DATAFLOW,
    FLINK,
    LOCAL,
    LOCAL_PROCESSES,
    SPARK,
    EngineConfig,
)

# Not used where workers have this very project. Without it TFX packs its whole source for remote
# workers, for each component anew (tfx/utils/dependency_utils.py).
_NO_PACKING = "--sdk_container_image=none"

# Workers import it before they unpickle anything: TFX stands in for a module of tfx_bsl that TFDV
# 1.16 imports and 1.21 lacks. Those of local-processes and dask do so by themselves.
_TFX_FIRST = "--beam_plugin=tfx"

# In this process. DirectRunner would first try to download Prism.
IN_MEMORY = ("--runner=FnApiRunner", _NO_PACKING)


def beam_arguments(engine: EngineConfig) -> list[str]:
    """Returns the arguments of an engine that passed `pipelines.engines.checks`."""
    by_name = {
        LOCAL: _local,
        LOCAL_PROCESSES: _local_processes,
        DASK: _dask,
        FLINK: _flink,
        SPARK: _spark,
        DATAFLOW: _dataflow,
    }
    return [*by_name[engine.name](engine), *engine.options]


def _local(engine: EngineConfig) -> list[str]:
    del engine
    return [*IN_MEMORY]


def _local_processes(engine: EngineConfig) -> list[str]:
    workers = len(os.sched_getaffinity(0)) if engine.workers == "auto" else engine.workers
    return [
        "--runner=pipelines.engines.processes_runner.ProcessesRunner",
        f"--processes={workers}",
        _NO_PACKING,
    ]


def _dask(engine: EngineConfig) -> list[str]:
    return [
        "--runner=pipelines.engines.dask_runner.DaskRunner",
        f"--dask_client_address={engine.address}",
        _NO_PACKING,
    ]


def _flink(engine: EngineConfig) -> list[str]:
    arguments = _portable(engine) or ["--runner=FlinkRunner", f"--flink_master={engine.address}"]
    parallelism = [] if engine.workers == "auto" else [f"--parallelism={engine.workers}"]
    return [*arguments, *parallelism, *_environment(engine)]


def _spark(engine: EngineConfig) -> list[str]:
    arguments = _portable(engine) or [
        "--runner=SparkRunner",
        f"--spark_master_url={engine.address}",
    ]
    return [*arguments, *_environment(engine)]


def _dataflow(engine: EngineConfig) -> list[str]:
    cloud = engine.dataflow
    most = [] if engine.workers == "auto" else [f"--max_num_workers={engine.workers}"]
    return [
        "--runner=DataflowRunner",
        f"--project={cloud.project}",
        f"--region={cloud.region}",
        f"--temp_location={cloud.temp_location}",
        f"--sdk_container_image={engine.image}",
        # Containers of one's own need it.
        "--experiments=use_runner_v2",
        _TFX_FIRST,
        *most,
    ]


def _portable(engine: EngineConfig) -> list[str]:
    if engine.job_server is None:
        return []
    return ["--runner=PortableRunner", f"--job_endpoint={engine.job_server}"]


def _environment(engine: EngineConfig) -> list[str]:
    """Returns in what the workers of Flink and Spark run Python."""
    if engine.worker_pool:
        return [
            "--environment_type=EXTERNAL",
            f"--environment_config={engine.worker_pool}",
            _NO_PACKING,
            _TFX_FIRST,
        ]
    return [
        "--environment_type=DOCKER",
        f"--environment_config={engine.image}",
        f"--sdk_container_image={engine.image}",
        _TFX_FIRST,
    ]
