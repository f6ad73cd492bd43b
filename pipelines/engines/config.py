"""The section `engine` of the configuration: where the work of Beam is done.

None of it decides what comes out.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pipelines.config_section import Section
from pipelines.pinned_image import PinnedImage

LOCAL = "local"
LOCAL_PROCESSES = "local-processes"
DASK = "dask"
FLINK = "flink"
SPARK = "spark"
DATAFLOW = "dataflow"

EngineName = Literal["local", "local-processes", "dask", "flink", "spark", "dataflow"]

_PORT = re.compile(r"[^/\s:]+:\d{1,5}")
_ADDRESS = re.compile(r"([a-z]+://)?[^/\s:]+:\d{1,5}")


def _address(address: str) -> str:
    if not _ADDRESS.fullmatch(address):
        raise ValueError("no address with a port, such as scheduler:8786 or spark://master:7077")
    return address


def _port(address: str) -> str:
    if not _PORT.fullmatch(address):
        raise ValueError("no host with a port, such as localhost:8099")
    return address


def _option(option: str) -> str:
    if not option.startswith("--"):
        raise ValueError("no option of Beam; each begins with --")
    if option.split("=", 1)[0] == "--runner":
        raise ValueError("the runner is what engine.name says")
    return option


Address = Annotated[str, AfterValidator(_address)]
Port = Annotated[str, AfterValidator(_port)]


class DataflowConfig(Section):
    """Of Google Cloud, for dataflow."""

    project: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="Id of the project that pays."
    )
    region: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="Where its machines are, such as europe-west1."
    )
    temp_location: Annotated[str, Field(pattern=r"^gs://[^/]+")] | None = Field(
        None, description="A folder in gs:// for what is there during a run."
    )


class EngineConfig(Section):
    """Where the work of Beam is done; nothing that comes out depends on it."""

    name: EngineName = Field(
        "local",
        description=(
            "local (in this process), local-processes (on all its cores), dask, flink, spark or"
            " dataflow; docs/scale.md says what each needs."
        ),
    )
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=10000)] = Field(
        "auto",
        description=(
            "Processes, Flink's parallelism or Dataflow's most machines; auto: cores, or what the"
            " cluster says."
        ),
    )
    address: Address | None = Field(
        None,
        description=(
            "Of the cluster: Dask's scheduler (host:8786), Flink's REST (host:8081), Spark's"
            " master (spark://host:7077)."
        ),
    )
    job_server: Port | None = Field(
        None,
        description=(
            "Host and port of a job server of Beam for flink or spark; null: Beam starts one,"
            " with Java."
        ),
    )
    image: PinnedImage | None = Field(
        None,
        description=(
            "The workers' image, target worker of the Dockerfile, with a tag or digest: flink,"
            " spark, dataflow."
        ),
    )
    worker_pool: Port | None = Field(
        None,
        description=(
            "Instead of the image, for flink and spark: where each machine of theirs finds a"
            " worker that runs already (--worker_pool), such as localhost:50000."
        ),
    )
    options: list[Annotated[str, AfterValidator(_option)]] = Field(
        [], description="Further options of Beam, such as --flink_version=1.20."
    )
    dataflow: DataflowConfig = DataflowConfig()
