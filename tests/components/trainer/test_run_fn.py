"""Tests of the whole Trainer, run by its real executor on what Transform and Embedder made."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import apache_beam as beam
import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from PIL import Image
from tensorflow_metadata.proto.v0 import statistics_pb2
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from components.backbone.loading import load_backbone
from components.embedder.artifact import Embeddings
from components.embedder.executor import Executor as Embedder
from components.trainer.callbacks import EpochProgress
from components.trainer.executor import Executor as Trainer
from components.transform.preprocessing import preprocessing_fn
from schemas import features, serving
from schemas.errors import PipelineError

# Each test waits for a training of ten seconds or more.
pytestmark = pytest.mark.slow

SIZE = 32
BEAM = ["--runner=FnApiRunner", "--sdk_container_image=none"]

AUGMENTATION = {
    "rotation": 10.0,
    "width_shift": 0.1,
    "height_shift": 0.1,
    "horizontal_flip": True,
    "seed": 3,
}
STAGE: dict[str, Any] = {"learning_rate": 5e-4, "optimizer": "adam", "schedule": "constant"}
CONFIG: dict[str, Any] = {
    "backbone": "VGG16",
    "image_size": SIZE,
    "units": 64,
    "dropout": 0.2,
    "frozen": {**STAGE, "epochs": 8},
    "fine_tune": {**STAGE, "epochs": 2, "learning_rate": 1e-4},
    "fine_tune_from": "block5_conv3",
    "augmentation": AUGMENTATION,
    "batch_size": 8,
    "seed": 3,
    "class_weights": "auto",
    "label_smoothing": 0.0,
    "early_stopping": 0,
    "histogram_freq": 0,
    "mixed_precision": False,
    "deterministic": True,
}

TWO = ["Kätz\nchen", "dog"]
THREE = [*TWO, "猫"]


def photo(number: int, kind: int) -> bytes:
    """Returns a photo whose colour tells its class, but for some noise."""
    random = np.random.default_rng([number, kind])
    pixels = random.normal(90, 40, (10, 10, 3)) + 80 * np.eye(3)[kind]
    stream = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).resize((40, 36)).save(stream, "PNG")
    return stream.getvalue()


def photos(split: str, classes: list[str]) -> list[tuple[bytes, str]]:
    """Returns photos and their classes; of the first class there are twice as many."""
    first, count = {"train": (0, 6), "eval": (100, 4)}[split]
    return [
        (photo(first + number, kind), name)
        for kind, name in enumerate(classes)
        for number in range(count if kind else 2 * count)
    ]


class Inputs:
    """What the Trainer gets: transformed photos, the transform graph and embeddings."""

    def __init__(self, folder: Path, classes: list[str], weights: str) -> None:
        self.weights = weights
        self.classes = classes
        self.folder = folder
        self.examples = standard_artifacts.Examples()
        self.graph = standard_artifacts.TransformGraph()
        self._statistics = standard_artifacts.ExampleStatistics()
        self.examples.uri, self.graph.uri = str(folder / "examples"), str(folder / "graph")
        self._statistics.uri = str(folder / "statistics")
        for made in (self.examples, self._statistics):
            made.split_names = '["train", "eval"]'
        self._transform()
        self._count()
        self.embeddings = cache(self._embed)

    def _transform(self) -> None:
        spec = {
            name: tf.io.FixedLenFeature([], tf.string) for name in (features.IMAGE, features.LABEL)
        }
        schema = schema_utils.schema_from_feature_spec(spec)
        metadata = dataset_metadata.DatasetMetadata(schema)
        with (
            beam.Pipeline(argv=BEAM) as pipeline,
            tft_beam.Context(temp_dir=str(self.folder / "tmp")),
        ):
            raw = {
                split: pipeline | f"Create[{split}]" >> beam.Create(self._raw(split))
                for split in ("train", "eval")
            }
            graph = (raw["train"], metadata) | tft_beam.AnalyzeDataset(
                lambda inputs: preprocessing_fn(inputs, {"image_size": SIZE})
            )
            _ = graph | tft_beam.WriteTransformFn(self.graph.uri)
            for split, examples in raw.items():
                out = Path(self.examples.uri, f"Split-{split}", "transformed_examples")
                transformed, made = (
                    (examples, metadata),
                    graph,
                ) | f"Transform[{split}]" >> tft_beam.TransformDataset()
                coder = tft.coders.ExampleProtoCoder(made.schema)
                _ = (
                    transformed
                    | f"Encode[{split}]" >> beam.Map(coder.encode)
                    | f"Write[{split}]"
                    >> beam.io.WriteToTFRecord(str(out), file_name_suffix=".gz", num_shards=1)
                )

    def _raw(self, split: str) -> list[dict[str, bytes]]:
        return [
            {features.IMAGE: encoded, features.LABEL: name.encode()}
            for encoded, name in photos(split, self.classes)
        ]

    def _count(self) -> None:
        for split in ("train", "eval"):
            counted = statistics_pb2.DatasetFeatureStatisticsList()
            counted.datasets.add(name=split, num_examples=len(photos(split, self.classes)))
            folder = Path(self._statistics.uri, f"Split-{split}")
            folder.mkdir(parents=True)
            (folder / "FeatureStats.pb").write_bytes(counted.SerializeToString())

    def _embed(self, max_disk_gb: float, fine_tune_from: str) -> Embeddings:
        made = Embeddings()
        made.uri = str(self.folder / f"embeddings-{max_disk_gb}-{fine_tune_from}" / "1")
        Path(made.uri).mkdir(parents=True)
        config = {
            "backbone": "VGG16",
            "weights": self.weights,
            "image_size": SIZE,
            "views": 1,
            "augmentation": AUGMENTATION,
            "fine_tune_from": fine_tune_from,
            "max_disk_gb": max_disk_gb,
            "code_digest": "0",
        }
        context = BaseBeamExecutor.Context(
            beam_pipeline_args=BEAM, tmp_dir=str(self.folder / "tmp"), unique_id="1"
        )
        Embedder(context).Do(
            {"examples": [self.examples], "statistics": [self._statistics]},
            {"embeddings": [made]},
            {"config": json.dumps(config)},
        )
        return made


class Trained:
    """What came out of a Trainer."""

    def __init__(self, model: Any, run: Any, component: Path) -> None:
        self.stage = model.get_string_custom_property("stage")
        self.weights = model.get_string_custom_property("weights_sha256")
        self.run = Path(run.uri)
        self.training = json.loads((self.run / "training.json").read_text())
        self.serving = Path(model.uri, "Format-Serving")
        self.backups = component / ".backup"

    def history(self, stage: int) -> dict[str, list[float]]:
        return self.training["stages"][stage]["history"]

    def probabilities(self, split: str, classes: list[str]) -> np.ndarray:
        served = tf.saved_model.load(str(self.serving)).signatures[serving.SERVING_BYTES]
        encoded = tf.constant([encoded for encoded, _ in photos(split, classes)])
        return served(image_bytes=encoded)[serving.PROBABILITIES_OUTPUT].numpy()


def train(inputs: Inputs, folder: Path, max_disk_gb: float = 1.0, **changes: Any) -> Trained:
    """Runs the Trainer's executor as TFX would."""
    config = {**CONFIG, "weights": inputs.weights, **changes}
    embeddings = inputs.embeddings(max_disk_gb, config["fine_tune_from"])
    model, run = standard_artifacts.Model(), standard_artifacts.ModelRun()
    model.uri, run.uri = str(folder / "Trainer/model/9"), str(folder / "Trainer/model_run/9")
    for made in (model, run):
        shutil.rmtree(made.uri, ignore_errors=True)  # As TFX does after a failed execution.
        Path(made.uri).mkdir(parents=True)
    Trainer().Do(
        {
            "examples": [inputs.examples],
            "transform_graph": [inputs.graph],
            "embeddings": [embeddings],
        },
        {"model": [model], "model_run": [run]},
        {
            "train_args": "{}",
            "eval_args": "{}",
            "run_fn": "components.trainer.run_fn.run_fn",
            "custom_config": json.dumps(config),
        },
    )
    return Trained(model, run, folder / "Trainer")


@pytest.fixture(scope="module", autouse=True)
def _determinism_of_this_module_only() -> Iterator[None]:
    yield
    from tensorflow.python.framework import config

    config.disable_op_determinism()
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("weights") / "random.weights.h5"
    keras.utils.set_random_seed(1)
    backbone = load_backbone("VGG16", "none", SIZE)
    for weight in backbone.weights:
        weight.assign(1.3 * weight)  # Else signals fade from layer to layer.
    backbone.save_weights(file)
    return str(file)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, weights: str) -> Inputs:
    return Inputs(tmp_path_factory.mktemp("inputs"), TWO, weights)


Train = Callable[..., Trained]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, inputs: Inputs) -> Trained:
    """The plain case: activations are kept, both stages run."""
    return train(inputs, tmp_path_factory.mktemp("trained"))


def test_both_stages_run_and_the_better_one_is_kept(trained: Trained) -> None:
    frozen, fine_tuned = trained.training["stages"]

    assert (frozen["name"], fine_tuned["name"]) == ("frozen", "fine-tuned")
    assert [len(stage["history"]["loss"]) for stage in (frozen, fine_tuned)] == [8, 2]
    better = max((frozen, fine_tuned), key=lambda stage: (stage["accuracy"], -stage["loss"]))
    assert trained.training["kept"] == trained.stage == better["name"]


def test_model_names_the_weights_it_began_with(trained: Trained, weights: str) -> None:
    digest = hashlib.sha256(Path(weights).read_bytes()).hexdigest()

    assert trained.training["weights_sha256"] == trained.weights == digest


def test_other_weights_than_embedded_with_are_refused(tmp_path: Path, weights: str) -> None:
    """A file that was replaced between Embedder and Trainer, or differs between two machines."""
    file = tmp_path / "replaced.weights.h5"
    shutil.copy(weights, file)
    inputs = Inputs(tmp_path / "inputs", TWO, str(file))
    inputs.embeddings(1.0, CONFIG["fine_tune_from"])
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    load_backbone("VGG16", "none", SIZE).save_weights(file)

    with pytest.raises(PipelineError) as error:
        train(inputs, tmp_path)

    after = hashlib.sha256(file.read_bytes()).hexdigest()
    assert str(error.value) == (
        f"backbone.weights = {file}: SHA-256 is {after} here, and was {before} where Embedder "
        "ran; use the same file for both."
    )


def test_fine_tuning_begins_where_the_frozen_stage_ended(trained: Trained) -> None:
    best = trained.training["stages"][0]["loss"]

    assert trained.history(1)["val_loss"][0] == pytest.approx(best, rel=0.2)
    assert trained.history(1)["val_loss"] != trained.history(0)["val_loss"][-2:]


def test_served_model_is_as_good_as_training_said(trained: Trained) -> None:
    """Wrong pixels, weights or order of classes in the export would show here."""
    probabilities = trained.probabilities("eval", TWO)

    numbers = np.array([TWO.index(name) for _, name in photos("eval", TWO)])
    kept = next(s for s in trained.training["stages"] if s["name"] == trained.stage)
    loss = -np.log(probabilities[np.arange(len(numbers)), numbers]).mean()
    assert (probabilities.argmax(axis=1) == numbers).mean() == pytest.approx(kept["accuracy"])
    # Embeddings and activations (float16) against pixels.
    assert loss == pytest.approx(kept["loss"], abs=2e-3)


def test_classes_are_in_alphabetical_order(trained: Trained) -> None:
    content = (trained.serving / "assets" / serving.CLASSES_ASSET).read_text(encoding="utf-8")

    assert json.loads(content) == sorted(TWO) == TWO


def test_backup_is_removed_after_success(trained: Trained) -> None:
    assert list(trained.backups.glob("*")) == []


def test_epochs_of_both_stages_are_on_one_axis_in_tensorboard(trained: Trained) -> None:
    steps: dict[str, set[int]] = {}
    for file in trained.run.rglob("*.tfevents.*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                steps.setdefault(value.tag, set()).add(event.step)

    assert steps["epoch_loss"] == set(range(10))
    assert steps["training_photos"] == {0, 1}  # The photos, and one changed view.


def test_same_seed_gives_identical_metrics_and_weights(
    tmp_path: Path, inputs: Inputs, trained: Trained
) -> None:
    again = train(inputs, tmp_path)

    assert again.training == trained.training
    np.testing.assert_array_equal(
        again.probabilities("eval", TWO), trained.probabilities("eval", TWO)
    )


def test_another_seed_gives_other_metrics(tmp_path: Path, inputs: Inputs, trained: Trained) -> None:
    assert train(inputs, tmp_path, seed=4).training != trained.training


@pytest.mark.parametrize("batch_size", [8, 64], ids=["many batches", "one batch"])
def test_kept_activations_and_photos_give_the_same_losses(
    tmp_path: Path, inputs: Inputs, batch_size: int
) -> None:
    """Both in the same batches and order: the dropped units are the same, too."""
    settings: dict[str, Any] = {"batch_size": batch_size}
    settings["fine_tune"] = {**CONFIG["fine_tune"], "learning_rate": 1e-5}

    kept = train(inputs, tmp_path / "1", **settings)
    on_the_fly = train(inputs, tmp_path / "2", max_disk_gb=0.0, **settings)

    assert kept.history(0) == on_the_fly.history(0)
    for metric in ("loss", "val_loss"):
        # Activations are rounded to the 11 bits of float16, half a thousandth at most. Adam
        # makes a whole step of the rounding of gradients near zero, hence the low rate.
        np.testing.assert_allclose(
            kept.history(1)[metric], on_the_fly.history(1)[metric], rtol=1e-3, err_msg=metric
        )


def test_spoilt_by_fine_tuning_the_frozen_model_is_kept_unharmed(
    tmp_path: Path, inputs: Inputs, caplog: pytest.LogCaptureFixture
) -> None:
    spoilt = train(
        inputs,
        tmp_path / "1",
        fine_tune={**CONFIG["fine_tune"], "learning_rate": 10.0},
        fine_tune_from="all",
    )
    frozen = train(
        inputs, tmp_path / "2", fine_tune={**CONFIG["fine_tune"], "epochs": 0}, fine_tune_from="all"
    )

    stages = spoilt.training["stages"]
    assert stages[1]["accuracy"] < stages[0]["accuracy"]
    assert spoilt.stage == spoilt.training["kept"] == "frozen"
    np.testing.assert_array_equal(
        spoilt.probabilities("eval", TWO), frozen.probabilities("eval", TWO)
    )
    assert (
        "fine_tune.learning_rate = 10 is high for a whole backbone: above 0.0001 it tends to "
        "forget what it was pretrained on."
    ) in caplog.messages


def test_stage_two_can_be_left_out(tmp_path: Path, inputs: Inputs) -> None:
    trained = train(inputs, tmp_path, fine_tune_from="none")

    assert [stage["name"] for stage in trained.training["stages"]] == ["frozen"]
    assert trained.stage == "frozen"


def test_three_classes_and_random_weights_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inputs = Inputs(tmp_path / "inputs", THREE, "none")
    caplog.clear()

    trained = train(inputs, tmp_path)

    assert (
        "backbone.weights = none: the backbone starts from random weights, so this is no "
        "transfer learning; use embedded, imagenet or a file unless you mean it."
    ) in caplog.messages
    probabilities = trained.probabilities("eval", THREE)
    numbers = np.array([THREE.index(name) for _, name in photos("eval", THREE)])
    kept = next(s for s in trained.training["stages"] if s["name"] == trained.stage)
    assert probabilities.shape == (len(numbers), 3)
    assert (probabilities.argmax(axis=1) == numbers).mean() == pytest.approx(kept["accuracy"])


@pytest.fixture(scope="module")
def undropped(tmp_path_factory: pytest.TempPathFactory, inputs: Inputs) -> Trained:
    return train(inputs, tmp_path_factory.mktemp("undropped"), dropout=0.0)


def killed_in(
    epoch: int, monkeypatch: pytest.MonkeyPatch, inputs: Inputs, folder: Path, **settings: Any
) -> None:
    """Runs the Trainer up to the end of an epoch, before anything of it is written."""

    def die(self: EpochProgress, number: int, logs: Any = None) -> None:
        if number == epoch:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(EpochProgress, "on_epoch_end", die)
        with pytest.raises(KeyboardInterrupt):
            train(inputs, folder, **settings)


@pytest.mark.parametrize(
    "epoch", [5, 8, 9], ids=["frozen", "fine-tuned, first epoch", "fine-tuned, second epoch"]
)
@pytest.mark.parametrize("kind", ["undropped", "trained"], ids=["no dropout", "dropout"])
def test_killed_trainer_goes_on_as_if_nothing_had_happened(
    tmp_path: Path,
    inputs: Inputs,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    epoch: int,
    kind: str,
) -> None:
    undisturbed: Trained = request.getfixturevalue(kind)
    settings = {"dropout": 0.0} if kind == "undropped" else {}
    killed_in(epoch, monkeypatch, inputs, tmp_path, **settings)

    resumed = train(inputs, tmp_path, **settings)

    assert resumed.training == undisturbed.training
    np.testing.assert_array_equal(
        resumed.probabilities("eval", TWO), undisturbed.probabilities("eval", TWO)
    )


def test_killed_trainer_goes_on_elsewhere_where_its_backups_are_named(
    tmp_path: Path,
    inputs: Inputs,
    trained: Trained,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As in the next pod of a step, which finds nothing of the first but a volume."""
    caplog.set_level("INFO", "components")
    monkeypatch.setenv("WARMSTART_BACKUPS", str(tmp_path / "volume"))
    killed_in(8, monkeypatch, inputs, tmp_path / "first")
    assert len(list((tmp_path / "volume").iterdir())) == 1

    resumed = train(inputs, tmp_path / "second")

    assert resumed.training == trained.training
    epochs = [said.split(":")[0] for said in caplog.messages if ": loss " in said]
    assert epochs
    assert not any(epoch.startswith("frozen") for epoch in epochs)
    assert list((tmp_path / "volume").iterdir()) == []


def test_other_settings_do_not_take_up_a_killed_training(
    tmp_path: Path, inputs: Inputs, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_in(2, monkeypatch, inputs, tmp_path, units=9)

    assert train(inputs, tmp_path).training == trained.training


def test_mixed_precision_gives_nearly_the_same(
    tmp_path: Path, inputs: Inputs, undropped: Trained
) -> None:
    mixed = train(inputs, tmp_path, mixed_precision=True, dropout=0.0)

    # Float16 keeps 11 bits, and each of some layers rounds.
    for stage in (0, 1):
        for metric in ("loss", "val_loss"):
            np.testing.assert_allclose(
                mixed.history(stage)[metric], undropped.history(stage)[metric], rtol=0.05
            )
    probabilities = mixed.probabilities("eval", TWO)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


TWO_REPLICAS = """
import importlib.util, json, pathlib, sys
import tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from components.trainer import devices
devices.prepare_devices = lambda *_, **__: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
_, tests, folder, weights = sys.argv
spec = importlib.util.spec_from_file_location("tests_of_run_fn", tests)
tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tests)
folder = pathlib.Path(folder)
inputs = tests.Inputs(folder / "inputs", tests.TWO, weights)
trained = tests.train(inputs, folder, dropout=0.0, batch_size=7, histogram_freq=1)
print(json.dumps(trained.training))
"""


def test_two_replicas_train_as_one_does(tmp_path: Path, inputs: Inputs, weights: str) -> None:
    """Two processors stand in for two GPUs: what they add up is what one computes."""
    result = subprocess.run(
        [sys.executable, "-c", TWO_REPLICAS, __file__, tmp_path / "two", weights],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr

    # Batches of 7 cannot be divided.
    one = train(inputs, tmp_path / "one", dropout=0.0, batch_size=6)
    two = json.loads(result.stdout.splitlines()[-1])
    for expected, stage in zip(one.training["stages"], two["stages"], strict=True):
        for metric in ("loss", "val_loss"):
            np.testing.assert_allclose(
                stage["history"][metric], expected["history"][metric], rtol=1e-3, err_msg=metric
            )
