"""Tests of what a container runs: one step, as Kubeflow's launcher calls it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import tfx
from photo_files import add_classes
from photo_statistics import photos_of, statistics_of
from trace_collector import ERROR, OK, trace_collector

from components.image_example_gen.fingerprint import fingerprint_of
from pipelines.kubeflow_entrypoint import main

BUCKET = "s3://bucket/runs/warmstart/run-1"


class Launcher:
    """Kubeflow's launcher with its folders below another one than the root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told = folder / "told" / "output_metadata.json"

    def path(self, uri: str) -> Path:
        """Returns where an artifact lies for the step."""
        return self.folder / "s3" / uri.removeprefix("s3://")

    def run(
        self,
        step: str,
        executor: str,
        *,
        parameters: dict[str, Any],
        interface: dict[str, Any],
        inputs: dict[str, dict[str, Any]] | None = None,
        outputs: Iterable[str] = (),
    ) -> int:
        """Calls the step; returns its exit code."""
        told = {
            "inputs": {
                "parameterValues": parameters,
                "artifacts": {name: {"artifacts": [one]} for name, one in (inputs or {}).items()},
            },
            "outputs": {
                "outputFile": str(self.told),
                "artifacts": {
                    name: {"artifacts": [{"name": name, "uri": f"{BUCKET}/{step}/{name}"}]}
                    for name in outputs
                },
            },
        }
        return main(
            [
                *("--step", step, "--executor", executor),
                *("--interface", json.dumps(interface)),
                *("--executor_input", json.dumps(told)),
            ]
        )

    def answer(self) -> dict[str, Any]:
        """Returns what the step said."""
        found: dict[str, Any] = json.loads(self.told.read_text())
        return found


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launcher:
    monkeypatch.setenv("WARMSTART_LAUNCHER_ROOT", str(tmp_path))
    return Launcher(tmp_path)


def look_at(launcher: Launcher, data: Path) -> int:
    """Runs PhotosFingerprint."""
    return launcher.run(
        "PhotosFingerprint",
        "components.image_example_gen.fingerprint.PhotosFingerprint",
        parameters={"input_base": str(data), "max_pixels": 1000.0},
        interface={
            "parameters": {"input_base": "STRING", "max_pixels": "NUMBER_INTEGER"},
            "types": {},
        },
    )


def test_what_a_lookup_finds_is_told_as_parameters(launcher: Launcher, tmp_path: Path) -> None:
    add_classes(tmp_path / "data", "a", "b", photos=2)

    assert look_at(launcher, tmp_path / "data") == 0

    told = fingerprint_of(str(tmp_path / "data"), 1000)
    assert launcher.answer() == {"parameterValues": {"input_fingerprint": told}}


def test_mistake_of_a_user_is_a_sentence_and_its_exit_code(
    launcher: Launcher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert look_at(launcher, tmp_path / "nothing") == 1

    said = capsys.readouterr().err
    assert said.startswith(f"Error: {tmp_path / 'nothing'} ")
    assert said.count("\n") == 1
    assert not launcher.told.exists()


def test_step_is_traced(
    launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_classes(tmp_path / "data", "a", "b", photos=2)
    with trace_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        assert look_at(launcher, tmp_path / "data") == 0
        assert look_at(launcher, tmp_path / "nothing") == 1

    good, bad = collector.requests
    ((good,), (bad,)) = (one.resource_spans[0].scope_spans[0].spans for one in (good, bad))
    assert (good.name, good.status.code) == ("PhotosFingerprint", OK)
    assert (bad.name, bad.status.code) == ("PhotosFingerprint", ERROR)
    assert bad.status.message.startswith(f"{tmp_path / 'nothing'} ")


def write_statistics(folder: Path, **values: Any) -> Path:
    for split in ("train", "eval"):
        content = statistics_of(photos_of(200, **values)).proto.SerializeToString()
        (folder / f"Split-{split}").mkdir(parents=True)
        (folder / f"Split-{split}" / "FeatureStats.pb").write_bytes(content)
    return folder


def validate(launcher: Launcher, baseline: str) -> dict[str, Any]:
    """Runs DistributionValidator on artifacts in object storage; returns what it told of them."""
    uri = f"{BUCKET}/statistics-gen/salt/statistics"
    if not launcher.path(uri).exists():
        write_statistics(launcher.path(uri))
    code = launcher.run(
        "DistributionValidator",
        "components.distribution_validator.executor.Executor",
        parameters={
            "max_skew": 1,
            "max_drift": 0.1,
            "code_digest": "0123456789abcdef",
            "baseline_statistics": baseline,
        },
        interface={
            "parameters": {
                "max_skew": "NUMBER_DOUBLE",
                "max_drift": "NUMBER_DOUBLE",
                "code_digest": "STRING",
                "baseline_statistics": "STRING",
            },
            "types": {
                "statistics": "tfx.types.standard_artifacts.ExampleStatistics",
                "baseline_statistics": "tfx.types.standard_artifacts.ExampleStatistics",
                "anomalies": "components.distribution_validator.component.DistributionAnomalies",
            },
        },
        inputs={
            "statistics": {
                "name": "4",
                "uri": uri,
                "metadata": {"split_names": '["train", "eval"]'},
            }
        },
        outputs=["anomalies"],
    )
    assert code == 0
    (told,) = launcher.answer()["artifacts"]["anomalies"]["artifacts"]
    return told


def test_executor_reads_and_writes_where_the_launcher_keeps_things(launcher: Launcher) -> None:
    told = validate(launcher, baseline="")

    uri = f"{BUCKET}/DistributionValidator/anomalies"
    assert told["uri"] == uri
    assert told["metadata"]["split_names"] == '["eval_train"]'
    assert (launcher.path(uri) / "SplitPair-eval_train" / "SchemaDiff.pb").is_file()


def test_what_a_lookup_found_is_an_input_like_any_other(launcher: Launcher, tmp_path: Path) -> None:
    baseline = write_statistics(tmp_path / "models" / "3" / "statistics", label="ox")

    told = validate(launcher, baseline=str(baseline))

    assert told["metadata"]["split_names"] == '["eval_train", "train_train"]'


def test_artifact_says_what_made_it(launcher: Launcher) -> None:
    metadata = validate(launcher, baseline="")["metadata"]

    assert metadata["warmstart_code"] == "0123456789abcdef"
    assert metadata["warmstart_executor"] == "components.distribution_validator.executor.Executor"
    assert metadata["warmstart_version"] == version("warmstart")
    assert metadata["warmstart_outputs"].startswith("sha256:")
    assert metadata["warmstart_seconds"] >= 0
    assert metadata["warmstart_cpu_seconds"] >= 0
    assert metadata["tfx_version"] == tfx.__version__
