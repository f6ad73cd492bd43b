"""Finds what is wrong with an engine before anything is started or TensorFlow is imported."""

from __future__ import annotations

import importlib.util
import shutil
import socket
from collections.abc import Iterator, Mapping

from components.dataset.storage import is_remote
from pipelines.engines.config import DASK, DATAFLOW, FLINK, SPARK, EngineConfig
from schemas.errors import ConfigError

_SECONDS_TO_CONNECT = 5.0

# What Beam starts without Java.
_WITHOUT_JAVA = ("--flink_submit_uber_jar", "--spark_submit_uber_jar")


def check_engine(engine: EngineConfig, places: Mapping[str, str]) -> None:
    """Fails if an engine cannot do its work.

    Args:
        engine: of the configuration.
        places: that its workers must see under the same name, by the option that names them.

    Raises:
        ConfigError: if a key is missing or is not for this engine, if the cluster cannot be
            reached, or if its workers do not see a place.
    """
    if problem := next(_problems(engine), None):
        raise ConfigError(f"Configuration: {problem}.")
    for key, address in (("address", engine.address), ("job_server", engine.job_server)):
        if address and engine.name != DATAFLOW:
            _check_reachable(key, address)
    if engine.name == DASK:
        from pipelines.engines.dask_probe import check_workers  # noqa: PLC0415 (a second)

        check_workers(str(engine.address), places)
    elif engine.name == DATAFLOW:
        _check_cloud(places)


def _problems(engine: EngineConfig) -> Iterator[str]:
    """Yields what is missing and what is too much, each as a sentence without its end."""
    name = engine.name
    portable = name in {FLINK, SPARK}
    if engine.workers != "auto" and name in {DASK, SPARK}:
        yield f"engine.workers is not for {name}, whose cluster says how many there are; remove it"
    if name == DASK:
        if importlib.util.find_spec("distributed") is None:
            yield (
                "engine.name = dask needs the package distributed; install it with `pip install "
                "'distributed>=2024.6'`"
            )
        if not engine.address:
            yield (
                "engine.name = dask needs engine.address, that of the scheduler, such as "
                "tcp://localhost:8786"
            )
    if portable and not engine.address and not engine.job_server:
        example = "host:8081" if name == FLINK else "spark://host:7077"
        yield (
            f"engine.name = {name} needs engine.address, such as {example}, or engine.job_server, "
            "such as localhost:8099"
        )
    if portable and not engine.image and not engine.worker_pool:
        yield (
            f"engine.name = {name} needs engine.image, what its workers run in, or "
            "engine.worker_pool, where they run"
        )
    if portable and _needs_java(engine) and shutil.which("java") is None:
        yield (
            f"engine.name = {name} without engine.job_server needs Java, to start one; install a "
            "Java runtime, or name a job server that runs"
        )
    if name == DATAFLOW:
        missing = [
            key
            for key, value in (
                ("engine.image", engine.image),
                ("engine.dataflow.project", engine.dataflow.project),
                ("engine.dataflow.region", engine.dataflow.region),
                ("engine.dataflow.temp_location", engine.dataflow.temp_location),
            )
            if not value
        ]
        if missing:
            yield f"engine.name = dataflow needs {', '.join(missing)}"


def _needs_java(engine: EngineConfig) -> bool:
    asked = {option.split("=", 1)[0] for option in engine.options}
    return engine.job_server is None and asked.isdisjoint(_WITHOUT_JAVA)


def _check_reachable(key: str, address: str) -> None:
    host, port = address.rsplit("://", 1)[-1].rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=_SECONDS_TO_CONNECT).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "no answer"
        raise ConfigError(
            f"engine.{key} = {address}: cannot be reached ({reason}); start it, or correct the "
            "address."
        ) from error


def _check_cloud(places: Mapping[str, str]) -> None:
    for option, place in places.items():
        if not is_remote(place):
            raise ConfigError(
                f"{option} {place}: the workers of dataflow see no folder of this machine; name "
                "one in gs://, or take another engine.name."
            )
    import google.auth  # noqa: PLC0415 (a quarter of a second)
    from google.auth.exceptions import DefaultCredentialsError  # noqa: PLC0415

    try:
        google.auth.default()
    except DefaultCredentialsError as error:
        raise ConfigError(
            "engine.name = dataflow: there are no credentials for Google Cloud here; run `gcloud "
            "auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS."
        ) from error
