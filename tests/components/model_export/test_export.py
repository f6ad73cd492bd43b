"""Tests of exported files: they answer as the SavedModel, name the classes, or are not there."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.backbone.loading import load_backbone
from components.model_export import agreement, tflite_file
from components.model_export.agreement import Limits
from components.model_export.export import Exported, export_model
from components.model_export.formats import find_format
from components.trainer.export import export
from components.trainer.input_data import Labels
from components.trainer.model import build_classifier, build_head
from schemas.errors import ConfigError, DataError, ModelError

SIZE = 32
CLASSES = {2: ["Kätz\nchen", "dog"], 3: ["a\nb", "zebra", "猫 🐱"]}


def pixels(count: int) -> np.ndarray:
    """Photos of large spots, uint8 (count, SIZE, SIZE, 3)."""
    coarse = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3), np.uint8)
    return coarse.repeat(SIZE // 4, axis=1).repeat(SIZE // 4, axis=2)


class Photos:
    """A source of photos for both splits."""

    def read(self, split: str, at_most: int) -> list[bytes]:
        return [tf.io.encode_png(photo).numpy() for photo in pixels(at_most)[:40]]


class NoImages:
    """A source of files that are no photos."""

    def read(self, split: str, at_most: int) -> list[bytes]:
        return [b"text", b""]


class Model:
    """A classifier with a head of random weights, and the SavedModel of it."""

    def __init__(self, folder: Path, classes: int) -> None:
        keras.utils.set_random_seed(1)
        backbone = load_backbone("MobileNetV2", "embedded", SIZE)
        head = build_head(backbone.output_shape[-1], classes=classes, units=8, dropout=0.2)
        self.classes = CLASSES[classes]
        self.classifier = build_classifier(backbone, "MobileNetV2", head)
        self.folder = folder
        export(self.classifier, Labels(self.classes), str(folder))

    def probabilities(self) -> np.ndarray:
        answer = np.asarray(self.classifier(pixels(40), training=False))
        return np.concatenate([1 - answer, answer], axis=1) if answer.shape[1] == 1 else answer


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(2, id="2 classes"),
        pytest.param(3, id="3 classes", marks=pytest.mark.slow),
    ],
)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model(tmp_path_factory.mktemp("model"), request.param)


def exported(
    model: Model, file: Path, name: str, quantization: str = "none", photos: Any = None
) -> Exported:
    return export_model(
        model.folder,
        file,
        kind=find_format(name, quantization),
        quantization=quantization,
        photos=photos or Photos(),
    )


def classes_in_archive(file: Path) -> list[str]:
    with zipfile.ZipFile(file) as archive:
        names: list[str] = json.loads(archive.read("classes.json"))
        return names


def test_keras_file_loads_in_safe_mode_and_gives_each_class(model: Model, tmp_path: Path) -> None:
    file = tmp_path / "model.keras"

    made = exported(model, file, "keras")

    loaded = keras.models.load_model(file, safe_mode=True)
    np.testing.assert_allclose(
        loaded(pixels(40).astype(np.uint8), training=False), model.probabilities(), atol=1e-5
    )
    assert np.ptp(model.probabilities(), axis=0).max() > 0.01, "photos must differ to tell anything"
    assert classes_in_archive(file) == model.classes
    assert made.file == file
    assert made.agreement.photos == 40
    assert made.agreement.same_labels == 1
    assert made.agreement.max_difference < 1e-5
    assert made.size_mb == file.stat().st_size / 1e6
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.slow
@pytest.mark.parametrize(("quantization", "tolerance"), [("none", 1e-5), ("float16", 0.01)])
def test_tflite_file_takes_one_photo_and_gives_each_class(
    model: Model, quantization: str, tolerance: float, tmp_path: Path
) -> None:
    file = tmp_path / "model.tflite"

    made = exported(model, file, "tflite", quantization)

    answer = tflite_file.opened(file)(pixels(40))
    np.testing.assert_allclose(answer, model.probabilities(), atol=tolerance)
    assert made.agreement.max_difference < tolerance
    assert classes_in_archive(file) == model.classes
    assert list(tmp_path.iterdir()) == [file]
    # A weight takes 4 bytes, or 2.
    share = made.size_mb * 1e6 / (model.classifier.count_params() * 4)
    assert share == pytest.approx(1.0 if quantization == "none" else 0.5, abs=0.05)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_int8_file_is_int8_throughout(model: Model, tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    inputs = keras.Input((SIZE, SIZE, 3))

    tflite_file.write(
        keras.Model(inputs, model.classifier(inputs)),
        file,
        classes=model.classes,
        quantization="int8",
        representative=pixels(40),
    )

    interpreter = tf.lite.Interpreter(str(file))
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert taken["dtype"] == given["dtype"] == np.uint8
    assert taken["shape"].tolist() == [1, SIZE, SIZE, 3]
    assert given["quantization"] == (1 / 256, 0)
    kinds = {detail["dtype"] for detail in interpreter.get_tensor_details()}
    assert kinds <= {np.uint8, np.int8, np.int32}
    with zipfile.ZipFile(file) as archive:
        lines = archive.read("labels.txt").decode().splitlines()
    assert lines == [" ".join(name.split()) for name in model.classes]
    assert classes_in_archive(file) == model.classes


@pytest.mark.slow
def test_onnx_file_has_names_for_its_tensors_and_classes(model: Model, tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx", reason="the extra `export` is not installed")
    onnxruntime = pytest.importorskip("onnxruntime")
    file = tmp_path / "model.onnx"

    made = exported(model, file, "onnx")

    session = onnxruntime.InferenceSession(str(file))
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.shape) == ("photos", ["batch", SIZE, SIZE, 3])
    assert (given.name, given.shape) == ("probabilities", ["batch", len(model.classes)])
    (answer,) = session.run(None, {"photos": pixels(40).astype(np.float32)})
    np.testing.assert_allclose(answer, model.probabilities(), atol=1e-5)
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == model.classes
    assert made.agreement.max_difference < 1e-5


@pytest.mark.slow
def test_backbone_with_an_operation_that_onnx_lacks_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx", reason="the extra `export` is not installed")
    backbone = load_backbone("ConvNeXtTiny", "none", SIZE)
    head = build_head(backbone.output_shape[-1], classes=3, units=8, dropout=0.2)
    classifier = build_classifier(backbone, "ConvNeXtTiny", head)
    export(classifier, Labels(CLASSES[3]), str(tmp_path / "1"))

    with pytest.raises(ModelError) as raised:
        export_model(
            tmp_path / "1",
            tmp_path / "model.onnx",
            kind=find_format("onnx", "none"),
            quantization="none",
            photos=Photos(),
        )

    assert str(raised.value) == (
        "This model's backbone cannot be written as ONNX, which has no Erfc, "
        "StatefulPartitionedCall; choose another format."
    )
    assert list(tmp_path.iterdir()) == [tmp_path / "1"]


def test_file_that_answers_otherwise_is_refused_and_the_former_stays(
    model: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "model.keras"
    file.write_bytes(b"former")
    monkeypatch.setitem(agreement.LIMITS, "none", Limits(difference=-1))

    with pytest.raises(ModelError) as raised:
        exported(model, file, "keras")

    sentence = str(raised.value)
    assert sentence.startswith(
        f"{model.folder} was not exported to keras: its probabilities differ from the "
        "SavedModel's by up to "
    )
    assert sentence.endswith(" on 40 photos, and may by -1; choose another format.")
    assert file.read_bytes() == b"former"
    assert list(tmp_path.iterdir()) == [file]


def test_place_that_cannot_be_written_is_one_sentence(model: Model, tmp_path: Path) -> None:
    file = tmp_path / "gone" / "model.keras"

    with pytest.raises(ConfigError) as raised:
        exported(model, file, "keras")

    assert str(raised.value) == (
        f"--output {file}: it cannot be written (No such file or directory); name a file in a "
        "folder that you may write to."
    )


def test_photos_that_none_can_be_read_of_are_one_sentence(model: Model, tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        exported(model, tmp_path / "model.keras", "keras", photos=NoImages())

    assert str(raised.value) == (
        "The model reads none of the evaluation photos; give others with --data."
    )
    assert list(tmp_path.iterdir()) == []
