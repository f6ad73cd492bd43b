"""Arguments of engines, against Beam's own parsers: a cluster is not needed for that."""

from __future__ import annotations

import logging
import os
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import create_runner

from pipelines.config import load_config
from pipelines.engines import processes_runner
from pipelines.engines.arguments import IN_MEMORY, beam_arguments

IMAGE = "registry.example/warmstart-worker:0.1.0"


def arguments_of(*overrides: str) -> list[str]:
    return beam_arguments(load_config(None, [f"engine.{one}" for one in overrides]).engine)


def understood(arguments: list[str], caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """Returns what Beam makes of arguments; it must know all of them."""
    import apache_beam.runners.dask.dask_runner  # noqa: F401 (its options)

    with caplog.at_level(logging.WARNING):
        found = PipelineOptions(arguments).get_all_options(
            drop_default=True, retain_unknown_options=False
        )
    assert "unparseable" not in caplog.text
    return dict(found)


def test_local_is_in_this_process(caplog: pytest.LogCaptureFixture) -> None:
    assert arguments_of() == [*IN_MEMORY]
    assert understood(arguments_of(), caplog)["runner"] == "FnApiRunner"


def test_local_processes_are_as_many_as_there_are_cores(caplog: pytest.LogCaptureFixture) -> None:
    found = understood(arguments_of("name=local-processes"), caplog)

    assert found["processes"] == len(os.sched_getaffinity(0))
    assert isinstance(create_runner(found["runner"]), processes_runner.ProcessesRunner)


def test_local_processes_are_as_many_as_are_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    found = understood(arguments_of("name=local-processes", "workers=3"), caplog)

    assert found["processes"] == 3


def test_dask_is_told_its_scheduler(caplog: pytest.LogCaptureFixture) -> None:
    given = ("name=dask", "address=tcp://host:8786", "options=[--dask_npartitions=400]")
    found = understood(arguments_of(*given), caplog)

    assert found["address"] == "tcp://host:8786"
    assert found["npartitions"] == 400
    assert type(create_runner(found["runner"])).__name__ == "DaskRunner"


def test_flink_runs_the_image(caplog: pytest.LogCaptureFixture) -> None:
    arguments = arguments_of(
        *("name=flink", "address=flink:8081", f"image={IMAGE}", "workers=8"),
        "options=[--flink_version=1.20, --flink_submit_uber_jar]",
    )

    assert understood(arguments, caplog) == {
        "runner": "FlinkRunner",
        "flink_master": "flink:8081",
        "parallelism": 8,
        "environment_type": "DOCKER",
        "environment_config": IMAGE,
        "sdk_container_image": IMAGE,
        "beam_plugins": ["tfx"],
        "flink_version": "1.20",
        "flink_submit_uber_jar": True,
    }


def test_flink_finds_workers_that_run(caplog: pytest.LogCaptureFixture) -> None:
    arguments = arguments_of("name=flink", "address=flink:8081", "worker_pool=localhost:50000")

    assert understood(arguments, caplog) == {
        "runner": "FlinkRunner",
        "flink_master": "flink:8081",
        "environment_type": "EXTERNAL",
        "environment_config": "localhost:50000",
        "sdk_container_image": "none",
        "beam_plugins": ["tfx"],
    }


def test_spark_runs_the_image(caplog: pytest.LogCaptureFixture) -> None:
    arguments = arguments_of("name=spark", "address=spark://master:7077", f"image={IMAGE}")

    assert understood(arguments, caplog) == {
        "runner": "SparkRunner",
        "spark_master_url": "spark://master:7077",
        "environment_type": "DOCKER",
        "environment_config": IMAGE,
        "sdk_container_image": IMAGE,
        "beam_plugins": ["tfx"],
    }


@pytest.mark.parametrize("name", ["flink", "spark"])
def test_job_server_that_runs_is_used(name: str, caplog: pytest.LogCaptureFixture) -> None:
    arguments = arguments_of(f"name={name}", "job_server=localhost:8099", f"image={IMAGE}")

    assert understood(arguments, caplog) == {
        "runner": "PortableRunner",
        "job_endpoint": "localhost:8099",
        "environment_type": "DOCKER",
        "environment_config": IMAGE,
        "sdk_container_image": IMAGE,
        "beam_plugins": ["tfx"],
    }


def test_dataflow_is_told_what_google_needs(caplog: pytest.LogCaptureFixture) -> None:
    arguments = arguments_of(
        *("name=dataflow", f"image={IMAGE}", "workers=20"),
        *("dataflow.project=my-project", "dataflow.region=europe-west1"),
        "dataflow.temp_location=gs://bucket/tmp",
    )

    assert understood(arguments, caplog) == {
        "runner": "DataflowRunner",
        "project": "my-project",
        "region": "europe-west1",
        "temp_location": "gs://bucket/tmp",
        "sdk_container_image": IMAGE,
        "beam_plugins": ["tfx"],
        "experiments": ["use_runner_v2"],
        "max_num_workers": 20,
    }
