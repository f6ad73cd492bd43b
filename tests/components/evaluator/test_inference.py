"""Tests of how exported models are asked where there is little memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hungry_layer import Hungry

from components.evaluator import answers
from components.evaluator.inference import AnswersHandler
from components.trainer.export import export
from components.trainer.input_data import Labels
from schemas import features
from schemas.errors import PipelineError

SIZE = 8
CLASSES = ["cat", "dog", "emu"]


def example(number: int) -> bytes:
    noise = np.random.default_rng(number).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    text = {
        features.IMAGE: tf.io.encode_png(noise).numpy(),
        features.LABEL: CLASSES[number % 3].encode(),
        features.PATH: f"{number}.png".encode(),
    }
    feature = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in text.items()
    }
    for name in answers.NUMBERS:
        feature[name] = tf.train.Feature(float_list=tf.train.FloatList(value=[number]))
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


EXAMPLES = [example(number) for number in range(7)]


def asked(folder: Path, *most: int) -> list[dict[str, Any]]:
    """Asks models, each of which has memory for so many photos at a time, about all photos."""
    for model, limit in enumerate(most):
        keras.utils.set_random_seed(model)
        photos = keras.Input((SIZE, SIZE, 3))
        means = keras.layers.GlobalAveragePooling2D()(Hungry(limit)(photos / 255))
        outputs = keras.layers.Dense(len(CLASSES), activation="softmax")(means)
        export(keras.Model(photos, outputs), Labels(CLASSES), str(folder / str(model)))
    handler = AnswersHandler([str(folder / str(model)) for model in range(len(most))])
    return [*handler.run_inference(EXAMPLES, handler.load_model())]


def test_answers_are_the_same_where_memory_runs_out(tmp_path: Path) -> None:
    whole = asked(tmp_path / "whole", 100, 100)

    # The second model needs more than the first.
    parts = asked(tmp_path / "parts", 4, 2)

    assert [row[features.PATH] for row in parts] == [f"{number}.png" for number in range(7)]
    for ours, theirs in zip(parts, whole, strict=True):
        assert ours.keys() == theirs.keys() == set(answers.SCHEMA.names)
        assert (ours[features.LABEL], ours["width"]) == (theirs[features.LABEL], theirs["width"])
        for said in (answers.PROBABILITIES, answers.BASELINE):
            np.testing.assert_allclose(ours[said], theirs[said], rtol=1e-5)


def test_no_memory_for_one_photo_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as error:
        asked(tmp_path, 0)

    assert str(error.value) == (
        "Memory runs out even with one photo at a time; lower image.size, or choose a smaller "
        "backbone.name."
    )
