"""Tests that a pipeline which is told other values is the one that TFX compiles with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tfx.proto.orchestration import pipeline_pb2

from components.dataset.corrections import NO_CORRECTIONS, Corrected
from pipelines.component_properties import component_properties
from pipelines.config import WHERE_IT_RUNS, PipelineConfig, keys, load_config
from pipelines.folders import OutputFolders
from pipelines.local_runner import compiled_pipeline
from pipelines.plan import template
from pipelines.plan.template import compiled_before, keep_compiled
from schemas.corrections import RELABEL, Correction

# Of each key a value that is not the default. The name is not among them: another pipeline has
# another compiled one.
OTHERS = {
    "data.max_pixels": 1000,
    "data.max_bad_fraction": 0.3,
    "data.duplicates": "exact",
    "data.label_conflicts": "keep",
    "split.strategy": "stratified",
    "split.eval_fraction": 0.37,
    "split.seed": 7,
    "statistics.skew.max_distance": 1.0,
    "statistics.drift.max_distance": 0.0,
    "image.size": 96,
    "augment.rotation": 0.0,
    "augment.width_shift": 0.5,
    "augment.height_shift": 0.0,
    "augment.horizontal_flip": False,
    "backbone.name": "MobileNetV3Small",
    "backbone.weights": "imagenet",
    "head.units": 5,
    "head.dropout": 0.0,
    "embed.views": 2,
    "embed.max_disk_gb": 0.5,
    "frozen.epochs": 3,
    "frozen.learning_rate": 0.01,
    "frozen.optimizer": "adamw",
    "frozen.schedule": "cosine",
    "fine_tune.epochs": 0,
    "fine_tune.learning_rate": 1e-6,
    "fine_tune.optimizer": "adamw",
    "fine_tune.schedule": "cosine",
    "fine_tune.from": "block_13_expand",
    "train.batch_size": 8,
    "train.seed": 0,
    "train.class_weights": "none",
    "train.label_smoothing": 0.1,
    "train.early_stopping": 0,
    "train.histogram_freq": 2,
    "train.mixed_precision": False,
    "train.deterministic": False,
    "evaluate.split": "test",
    "evaluate.slices": [],
    "evaluate.thresholds.accuracy.min": None,
    "evaluate.thresholds.accuracy.max_drop": -0.5,
    "evaluate.thresholds.balanced_accuracy.min": 0.5,
    "evaluate.thresholds.balanced_accuracy.max_drop": 0.5,
    "evaluate.thresholds.auc.min": 0.5,
    "evaluate.thresholds.auc.max_drop": 0.5,
    "evaluate.thresholds.log_loss.max": 2.0,
    "evaluate.thresholds.log_loss.max_rise": 2.0,
    "evaluate.thresholds.expected_calibration_error.max": 0.5,
    "evaluate.thresholds.expected_calibration_error.max_rise": 0.5,
    "evaluate.thresholds.slices.min": None,
    "evaluate.thresholds.slices.max_drop": 0.5,
    "evaluate.thresholds.slices.min_photos": 1,
    "push.keep": 1,
}

# Their weights ship with one size of one backbone only.
NEEDS = {"image.size": ["backbone.weights=none"], "backbone.name": ["backbone.weights=none"]}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> OutputFolders:
    return OutputFolders(tmp_path_factory.mktemp("output"))


@pytest.fixture(scope="module", autouse=True)
def _kept(output: OutputFolders) -> None:
    compiled_pipeline(load_config(), data="/photos", output=output)


def nodes(pipeline: Any) -> list[Any]:
    return list(pipeline.nodes)


def assert_told_is_compiled(
    config: PipelineConfig,
    output: OutputFolders,
    data: str = "/photos",
    corrected: Corrected = NO_CORRECTIONS,
) -> None:
    told = component_properties(config, data=data, corrected=corrected)
    found = compiled_before(config.name, output, told)
    made = compiled_pipeline(config, data=data, output=output, corrected=corrected)
    assert found is not None
    assert nodes(found) == nodes(made)


def test_every_key_has_another_value_here() -> None:
    deciding = {key for key in keys() if key.split(".")[0] not in WHERE_IT_RUNS}
    assert set(OTHERS) == deciding - {"name"}


def test_where_it_runs_is_not_compiled(output: OutputFolders) -> None:
    """So another engine reuses what the first one made."""
    elsewhere = load_config(overrides=["engine.name=dask", "engine.address=scheduler:8786"])

    assert nodes(compiled_pipeline(elsewhere, data="/photos", output=output)) == nodes(
        compiled_pipeline(load_config(), data="/photos", output=output)
    )
    assert component_properties(elsewhere, data="/photos") == component_properties(
        load_config(), data="/photos"
    )


@pytest.mark.parametrize("key", OTHERS)
def test_pipeline_told_another_value_is_what_tfx_compiles(key: str, output: OutputFolders) -> None:
    override = f"{key}={yaml.safe_dump(OTHERS[key], default_flow_style=True).split(chr(10))[0]}"
    config = load_config(overrides=[*NEEDS.get(key, []), override])

    assert config != load_config()
    assert_told_is_compiled(config, output)


def test_other_photos_are_told(output: OutputFolders) -> None:
    assert_told_is_compiled(load_config(), output, data="/other photos/é.zip")


def test_corrections_are_told(output: OutputFolders) -> None:
    one = Correction("a/1.jpg", "0" * 64, "a", RELABEL, new_label="b")
    corrected = Corrected(applied=(one,), changing=(one,))

    assert_told_is_compiled(load_config(), output, corrected=corrected)


def test_pipeline_of_another_name_or_output_is_not_taken(
    output: OutputFolders, tmp_path: Path
) -> None:
    told = component_properties(load_config(), data="/photos")

    assert compiled_before("another", output, told) is None
    assert compiled_before("warmstart", OutputFolders(tmp_path), told) is None


def test_pipeline_of_other_code_is_not_taken(
    output: OutputFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = component_properties(load_config(), data="/photos")
    monkeypatch.setattr(template, "code_digest", lambda *folders: "other")

    assert compiled_before("warmstart", output, told) is None


def test_pipeline_of_another_tfx_is_not_taken(
    output: OutputFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = component_properties(load_config(), data="/photos")
    monkeypatch.setattr(template, "version", lambda package: "2.0")

    assert compiled_before("warmstart", output, told) is None


def test_pipeline_that_holds_another_value_than_it_was_told_is_not_kept(tmp_path: Path) -> None:
    output = OutputFolders(tmp_path)
    compiled = compiled_pipeline(
        load_config(), data="/photos", output=OutputFolders(tmp_path / "x")
    )
    told = component_properties(load_config(overrides=["push.keep=3"]), data="/photos")

    keep_compiled(compiled, "warmstart", output, told)

    assert compiled_before("warmstart", output, told) is None


def test_file_that_is_damaged_is_not_taken(tmp_path: Path) -> None:
    output = OutputFolders(tmp_path)
    told = component_properties(load_config(), data="/photos")
    compiled_pipeline(load_config(), data="/photos", output=output)
    file = template._file("warmstart", output)
    file.write_bytes(b"\xff" * 100)

    assert compiled_before("warmstart", output, told) is None


def test_only_the_newest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(template, "_MOST_KEPT", 2)
    told = component_properties(load_config(), data="/photos")
    compiled = pipeline_pb2.Pipeline()
    for number in range(3):
        output = OutputFolders(tmp_path / str(number))
        compiled = compiled_pipeline(load_config(), data="/photos", output=output)

    keep_compiled(compiled, "warmstart", output, told)

    assert len(list((tmp_path / "cache" / "warmstart" / "compiled").iterdir())) == 2
