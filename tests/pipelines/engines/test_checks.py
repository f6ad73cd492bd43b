"""What is wrong with an engine is said in one sentence, before anything is started."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

import pytest

from pipelines.config import load_config
from pipelines.engines import checks, dask_probe
from pipelines.engines.checks import check_engine
from schemas.errors import ConfigError

IMAGE = "registry.example/warmstart-worker:0.1.0"
DATAFLOW = (
    *("name=dataflow", f"image={IMAGE}", "dataflow.project=p", "dataflow.region=r"),
    "dataflow.temp_location=gs://bucket/tmp",
)


@pytest.fixture
def listening() -> Iterator[str]:
    """An address where something answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed() -> str:
    """An address where nothing answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def check(*overrides: str, places: Mapping[str, str] | None = None) -> None:
    engine = load_config(None, [f"engine.{one}" for one in overrides]).engine
    check_engine(engine, places or {})


def said_of(*overrides: str, places: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as error:
        check(*overrides, places=places)
    return str(error.value)


def test_engines_of_this_machine_need_nothing() -> None:
    check()
    check("name=local-processes", "workers=2")


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ["name=dask"],
            "engine.name = dask needs engine.address, that of the scheduler, such as "
            "tcp://localhost:8786.",
        ),
        (
            ["name=dask", "address=a:1", "workers=3"],
            "engine.workers is not for dask, whose cluster says how many there are; remove it.",
        ),
        (
            ["name=flink", f"image={IMAGE}"],
            "engine.name = flink needs engine.address, such as host:8081, or engine.job_server, "
            "such as localhost:8099.",
        ),
        (
            ["name=spark", f"image={IMAGE}"],
            "engine.name = spark needs engine.address, such as spark://host:7077, or "
            "engine.job_server, such as localhost:8099.",
        ),
        (
            ["name=flink", "job_server=a:1"],
            "engine.name = flink needs engine.image, what its workers run in, or "
            "engine.worker_pool, where they run.",
        ),
        (
            ["name=dataflow", "dataflow.region=europe-west1"],
            "engine.name = dataflow needs engine.image, engine.dataflow.project, "
            "engine.dataflow.temp_location.",
        ),
    ],
)
def test_what_an_engine_lacks_is_named(overrides: list[str], sentence: str) -> None:
    assert said_of(*overrides) == f"Configuration: {sentence}"


def test_engine_that_starts_a_job_server_needs_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert said_of("name=spark", "address=spark://a:1", f"image={IMAGE}") == (
        "Configuration: engine.name = spark without engine.job_server needs Java, to start one; "
        "install a Java runtime, or name a job server that runs."
    )


def test_upload_of_a_jar_needs_no_java(monkeypatch: pytest.MonkeyPatch, listening: str) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    check(
        *("name=flink", f"address=http://{listening}", f"image={IMAGE}"),
        "options=[--flink_submit_uber_jar]",
    )


def test_job_server_that_answers_is_enough(listening: str) -> None:
    check("name=spark", f"job_server={listening}", "worker_pool=localhost:50000")


@pytest.mark.parametrize("key", ["address", "job_server"])
def test_cluster_that_does_not_answer_is_named(key: str, closed: str) -> None:
    rest = [] if key == "job_server" else ["options=[--flink_submit_uber_jar]"]

    assert said_of("name=flink", f"{key}={closed}", f"image={IMAGE}", *rest) == (
        f"engine.{key} = {closed}: cannot be reached (Connection refused); start it, or correct "
        "the address."
    )


def test_port_that_no_machine_has_is_refused() -> None:
    said = said_of("name=flink", "job_server=127.0.0.1:99999", f"image={IMAGE}")

    assert said.startswith("engine.job_server = 127.0.0.1:99999: cannot be reached (")


def test_dataflow_sees_no_folder_of_this_machine(tmp_path: Path) -> None:
    places = {"--data": "gs://bucket/photos", "--output": str(tmp_path)}

    assert said_of(*DATAFLOW, places=places) == (
        f"--output {tmp_path}: the workers of dataflow see no folder of this machine; name one in "
        "gs://, or take another engine.name."
    )


def test_dataflow_needs_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")

    assert said_of(*DATAFLOW, places={"--data": "gs://bucket/photos"}) == (
        "engine.name = dataflow: there are no credentials for Google Cloud here; run `gcloud auth "
        "application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS."
    )


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            "engine.image=warmstart-worker",
            "engine.image = 'warmstart-worker': has no tag, so nobody could tell what ran; name "
            "one, as warmstart-worker:0.1.0.",
        ),
        (
            "engine.image=registry:5000/warmstart-worker:latest",
            "engine.image = 'registry:5000/warmstart-worker:latest': latest is another image every "
            "week; name a version or a digest.",
        ),
        (
            "engine.address=scheduler",
            "engine.address = 'scheduler': no address with a port, such as scheduler:8786 or "
            "spark://master:7077.",
        ),
        (
            "engine.options=[--runner=DirectRunner]",
            "engine.options = '--runner=DirectRunner': the runner is what engine.name says.",
        ),
        (
            "engine.options=[flink_version=1.20]",
            "engine.options = 'flink_version=1.20': no option of Beam; each begins with --.",
        ),
        (
            "engine.dataflow.temp_location=/tmp",
            "engine.dataflow.temp_location = '/tmp': string should match pattern '^gs://[^/]+'.",
        ),
    ],
)
def test_wrong_value_is_refused(override: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(None, [override])
    assert str(error.value) == f"Configuration: {said}"


def test_image_by_digest_is_taken() -> None:
    image = f"registry:5000/warmstart-worker@sha256:{'0' * 64}"

    assert load_config(None, [f"engine.image={image}"]).engine.image == image


def test_dask_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.importlib.util, "find_spec", lambda name: None)

    assert said_of("name=dask", "address=a:1") == (
        "Configuration: engine.name = dask needs the package distributed; install it with `pip "
        "install 'distributed>=2024.6'`."
    )


def test_dask_whose_workers_see_everything_is_fine(scheduler: str, tmp_path: Path) -> None:
    check("name=dask", f"address={scheduler}", places={"--output": str(tmp_path)})


def test_place_that_a_worker_does_not_see_is_named(scheduler: str, tmp_path: Path) -> None:
    place = str(tmp_path / "elsewhere")
    said = said_of("name=dask", f"address={scheduler}", places={"--data": place})

    assert re.sub(r"tcp://[\d.:]+", "W", said) == (
        f"engine.name = dask: the worker W does not see --data {place}; put it where all of them "
        "find it under the same name."
    )


def test_worker_with_other_code_is_named(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_probe, "code_digest", lambda *folders: "other")

    said = said_of("name=dask", f"address={scheduler}")

    assert re.sub(r"tcp://[\d.:]+", "W", said) == (
        "engine.name = dask: the worker W has another version of warmstart; start it again with "
        "this one."
    )


def test_worker_with_another_tensorflow_is_named(
    scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = version("tensorflow")
    monkeypatch.setattr(
        dask_probe, "version", lambda name: "1.0" if name == "tensorflow" else version(name)
    )

    said = said_of("name=dask", f"address={scheduler}")

    assert re.sub(r"tcp://[\d.:]+", "W", said) == (
        f"engine.name = dask: the worker W has tensorflow {here}, and this process 1.0; start it "
        "in an environment with the same versions, such as the image."
    )


def test_scheduler_without_workers_is_named() -> None:
    import distributed

    with distributed.LocalCluster(n_workers=0, dashboard_address=":0", host="127.0.0.1") as empty:
        address = empty.scheduler_address
        said = said_of("name=dask", f"address={address}")

    assert said == (
        f"engine.address = {address}: the scheduler has no workers; start some with `dask worker "
        f"{address}`."
    )
