"""Tests of ServingValidator on the model of a real run, and on models that must not be served.

Each asks a process of its own, and then the real Pusher.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from PIL import Image
from pipeline_runs import PipelineRuns
from tfx.components.util import model_utils
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from components.pusher.executor import Executor as Pusher
from components.serving.model_folder import numbered_folders
from components.serving_validator.executor import Executor
from schemas.errors import PipelineError

FirstRun = tuple[PipelineRuns, dict[str, str]]
TIMEOUT_S = 300


class Candidate:
    """A copy of the model of the first run, to be spoilt, and a place to push it to."""

    def __init__(self, run: FirstRun, folder: Path) -> None:
        runs, _ = run
        self.folder = folder / "model" / "Format-Serving"
        self.models = folder / "models"
        self.model_run = runs.first_output("Trainer", "model_run")
        self.examples = runs.first_output("ImageExampleGen", "examples")
        shutil.copytree(runs.first_output("Trainer", "model") / "Format-Serving", self.folder)
        self._scratch = folder

    def validate(self, timeout_s: int = TIMEOUT_S) -> Any:
        """Runs the executor as TFX would, then Pusher; returns the InfraBlessing."""
        model, model_run = standard_artifacts.Model(), standard_artifacts.ModelRun()
        examples, blessing = standard_artifacts.Examples(), standard_artifacts.InfraBlessing()
        model.uri, model_run.uri = str(self.folder.parent), str(self.model_run)
        examples.uri, blessing.uri = str(self.examples), str(self._scratch / "blessing")
        examples.split_names = '["train", "eval"]'
        Executor().Do(
            {"model": [model], "model_run": [model_run], "examples": [examples]},
            {"blessing": [blessing]},
            {"timeout_s": timeout_s, "code_digest": ""},
        )
        pushed = standard_artifacts.PushedModel()
        pushed.uri = str(self._scratch / "pushed")
        destination = pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(self.models))
        )
        Pusher().Do(
            {"model": [model], "infra_blessing": [blessing]},
            {"pushed_model": [pushed]},
            {"push_destination": proto_utils.proto_to_json(destination), "custom_config": "null"},
        )
        return blessing

    def refused(self, timeout_s: int = TIMEOUT_S) -> str:
        """Validates a model that must not be pushed; returns why."""
        blessing = self.validate(timeout_s)
        assert not model_utils.is_infra_validated(blessing)
        assert [file.name for file in Path(blessing.uri).iterdir()] == ["INFRA_NOT_BLESSED"]
        assert not self.models.exists() or not list(self.models.iterdir())
        return str(blessing.get_string_custom_property("reason"))

    def replace(self, make: Callable[[Any], tuple[tf.Module, dict[str, Any]]]) -> None:
        """Puts another SavedModel in its place.

        Args:
            make: from the loaded model to a module and its signatures.
        """
        module, signatures = make(tf.saved_model.load(str(self.folder)))
        other = self.folder.with_name("other")
        tf.saved_model.save(module, str(other), signatures=signatures)
        shutil.rmtree(self.folder)
        other.rename(self.folder)


@pytest.fixture
def candidate(first_run: FirstRun, tmp_path: Path) -> Candidate:
    return Candidate(first_run, tmp_path)


def changed(
    photo_by: Callable[[tf.Tensor], tf.Tensor] | None = None,
    answer_by: Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]] = lambda answer: answer,
    only: str = "",
) -> Callable[[Any], tuple[tf.Module, dict[str, Any]]]:
    """Returns how to make a model whose photos or answers are changed.

    Args:
        photo_by: from one encoded photo to another.
        answer_by: from the outputs of a signature to others.
        only: the one signature to keep, by default both.
    """

    def make(loaded: Any) -> tuple[tf.Module, dict[str, Any]]:
        module = tf.Module()
        module.loaded = loaded

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
        def serve_bytes(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
            if photo_by:
                image_bytes = tf.map_fn(photo_by, image_bytes)
            return answer_by(loaded.signatures["serving_bytes"](image_bytes=image_bytes))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            return loaded.signatures["serving_default"](examples=examples)

        signatures = {"serving_bytes": serve_bytes, "serving_default": serve_examples}
        module.functions = list(signatures.values())
        return module, {k: v for k, v in signatures.items() if only in {"", k}}

    return make


def recoded(
    change: Callable[[tf.Tensor], tf.Tensor],
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns how to decode a photo, as one does who forgets EXIF, and to change its pixels."""

    def by(encoded: tf.Tensor) -> tf.Tensor:
        photo = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        return tf.io.encode_png(change(tf.ensure_shape(photo, (None, None, 3))))

    return by


def test_model_of_a_run_is_blessed_and_pushed(candidate: Candidate) -> None:
    blessing = candidate.validate()

    assert model_utils.is_infra_validated(blessing)
    assert [file.name for file in Path(blessing.uri).iterdir()] == ["INFRA_BLESSED"]
    assert blessing.get_float_custom_property("max_difference") < 1e-5
    assert blessing.get_float_custom_property("latency_ms") > 0
    megabytes = sum(f.stat().st_size for f in candidate.folder.rglob("*") if f.is_file()) / 1e6
    assert blessing.get_float_custom_property("size_mb") == pytest.approx(megabytes)
    assert len(list(numbered_folders(candidate.models))) == 1


def test_damaged_variables_are_refused(candidate: Candidate) -> None:
    (file,) = candidate.folder.glob("variables/variables.data-*")
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(byte ^ 0xFF for byte in content[middle : middle + 64])
    file.write_bytes(content)

    assert candidate.refused().startswith(
        "it cannot be served: loading the model failed (DataLossError: "
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda photo: photo[..., ::-1],
        pytest.param(lambda photo: photo // 255, marks=pytest.mark.slow),
        # Only photos that EXIF turns get another answer.
        pytest.param(lambda photo: photo, marks=pytest.mark.slow),
    ],
    ids=["blue for red", "divided by 255 twice", "EXIF forgotten"],
)
def test_other_preprocessing_is_refused(
    candidate: Candidate, change: Callable[[tf.Tensor], tf.Tensor]
) -> None:
    candidate.replace(changed(photo_by=recoded(change)))

    assert re.fullmatch(
        r"serving would give other answers: .+ is '\w+' with 0\.\d{6} when served, "
        r"and with [01]\.\d{6} in training",
        candidate.refused(),
    )


@pytest.mark.slow
def test_labels_in_another_order_are_refused(candidate: Candidate) -> None:
    candidate.replace(
        changed(answer_by=lambda answer: {**answer, "label": tf.roll(answer["label"], 1, axis=0)})
    )

    assert "the label is" in candidate.refused()


def test_missing_signature_is_refused(candidate: Candidate) -> None:
    candidate.replace(changed(only="serving_default"))

    assert candidate.refused() == (
        "it cannot be served: it has no signature serving_bytes (it has: serving_default)"
    )


@pytest.mark.slow
def test_other_outputs_are_refused(candidate: Candidate) -> None:
    candidate.replace(changed(answer_by=lambda answer: {"scores": answer["probabilities"]}))

    assert candidate.refused() == (
        "it cannot be served: serving_bytes takes image_bytes and gives scores, not image_bytes "
        "and label, probabilities"
    )


def test_model_that_hangs_is_refused(candidate: Candidate) -> None:
    def forever(answer: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        def never(number: tf.Tensor) -> tf.Tensor:
            return number >= 0

        number = tf.while_loop(never, lambda n: [(n + 1) % 7], [tf.constant(0)])[0]
        probabilities = answer["probabilities"] + tf.cast(number - number, tf.float32)
        return {**answer, "probabilities": probabilities}

    candidate.replace(changed(answer_by=forever))

    assert re.fullmatch(
        r"it cannot be served: its process had not ended after 15 s, while [\w ]+",
        candidate.refused(timeout_s=15),
    )


def test_model_that_crashes_is_refused(candidate: Candidate) -> None:
    """TensorFlow 2.21 aborts the process on an animation of opaque WebP pictures."""
    stream = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(stream, "WEBP", save_all=True, append_images=frames[1:])
    animation = stream.getvalue()

    def crash(encoded: tf.Tensor) -> tf.Tensor:
        # Only known when it is asked: otherwise it would crash when it is saved.
        picture = tf.strings.join([animation, tf.strings.substr(encoded, 0, 0)])
        sizes = tf.shape(tf.image.decode_webp(picture, channels=0))
        return tf.strings.join([encoded, tf.strings.substr(tf.strings.as_string(sizes[0]), 0, 0)])

    candidate.replace(changed(photo_by=crash))

    assert re.fullmatch(
        r"it cannot be served: its process was ended by SIG\w+ while answering photos in batches",
        candidate.refused(),
    )


@pytest.mark.slow
def test_model_that_needs_python_code_of_ours_is_refused(candidate: Candidate) -> None:
    def in_python(answer: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        twice = tf.py_function(lambda p: p, [answer["probabilities"]], tf.float32)
        return {**answer, "probabilities": tf.ensure_shape(twice, answer["probabilities"].shape)}

    candidate.replace(changed(answer_by=in_python))

    assert candidate.refused() == (
        "it cannot be served: answering photos in batches failed (InvalidArgumentError: "
        "ValueError: Could not find callback with key=pyfunc_0 in the registry)"
    )


def test_model_that_needs_an_operation_of_another_package_is_refused(
    candidate: Candidate,
) -> None:
    graph = candidate.folder / "saved_model.pb"
    # As long as the name that it stands for, which is a field with a length.
    graph.write_bytes(graph.read_bytes().replace(b"DecodeImage", b"WordpieceTk"))

    assert "Op type not registered 'WordpieceTk'" in candidate.refused()


def test_model_run_without_reference_is_an_error(candidate: Candidate, tmp_path: Path) -> None:
    candidate.model_run = tmp_path

    with pytest.raises(PipelineError, match="run the pipeline again from Trainer"):
        candidate.validate()


def test_examples_of_other_photos_are_an_error(candidate: Candidate, tmp_path: Path) -> None:
    shutil.copytree(candidate.examples / "Split-train", tmp_path / "examples" / "Split-eval")
    candidate.examples = tmp_path / "examples"

    with pytest.raises(PipelineError, match="lacks 16 of the photos"):
        candidate.validate()
