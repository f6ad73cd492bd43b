"""Tests of a stage that runs out of memory: it learns the same from batches taken in parts."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import textwrap
import weakref
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hungry_layer import Hungry
from made_stages import CHANNELS, Ran, assert_same, epochs_from, head, run_killed, stage

from components.trainer import stage as stage_module
from components.trainer.input_data import Epochs
from components.trainer.learner import Learner
from schemas.errors import PipelineError

ROOT = Path(__file__).parents[3]

# Epochs of 24 rows: the last batch is short, and of four parts one is missing.
BATCH_SIZE = 10
HALF = 5
A_QUARTER = 3

# Calls of an epoch: three batches to learn from, three to measure.
CALLS = 6


def hungry(most: int, *, epochs: float = 0, classes: int = 2, dropout: float = 0.0) -> keras.Model:
    """Returns a head that runs out of memory after some epochs of whole batches."""
    above = head(classes, dropout)
    rows = keras.Input((CHANNELS,))
    limited = Hungry(most, after=round(epochs * CALLS))(rows)
    return keras.Model(rows, above(limited), name="hungry")


def ran(folder: Path, model: keras.Model | None = None, **settings: Any) -> Ran:
    return Ran(folder, model, **{"batch_size": BATCH_SIZE, **settings})


Finished = Callable[..., Ran]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Runs a stage that has memory enough, each kind once."""
    return cache(lambda **settings: ran(tmp_path_factory.mktemp("whole"), **settings))


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Runs a stage that runs out of memory in its third epoch, each kind once."""

    @cache
    def run(*, dropout: float = 0.0, **settings: Any) -> Ran:
        model = hungry(HALF, epochs=2.5, dropout=dropout)
        return ran(tmp_path_factory.mktemp("halved"), model, **settings)

    return run


def assert_nearly_the_same(parts: Ran, whole: Ran) -> None:
    """Compares two stages, but for the order of sums."""
    assert parts.result.epoch == whole.result.epoch
    assert parts.result.history.keys() == whole.result.history.keys()
    for metric, values in whole.result.history.items():
        np.testing.assert_allclose(parts.result.history[metric], values, rtol=1e-4, err_msg=metric)
    np.testing.assert_allclose(parts.weights, whole.weights, rtol=1e-3, atol=1e-4)


CASES: dict[str, tuple[int, int, dict[str, Any]]] = {
    "two parts": (HALF, 2, {}),
    "four parts": (A_QUARTER, 4, {"schedule": "cosine", "optimizer": "adamw"}),
    "class weights": (HALF, 2, {"classes": 3, "class_weights": {0: 0.5, 1: 3.0, 2: 1.0}}),
    "label smoothing": (HALF, 2, {"label_smoothing": 0.2, "class_weights": {0: 0.5, 1: 3.0}}),
    "single photos": (1, 16, {}),
}
FAST = ("four parts", "class weights")


@pytest.mark.parametrize(
    ("most", "divisor", "settings"),
    [
        pytest.param(*case, id=name, marks=[] if name in FAST else [pytest.mark.slow])
        for name, case in CASES.items()
    ],
)
def test_parts_of_batches_give_the_weights_of_whole_ones(
    tmp_path: Path, most: int, divisor: int, settings: dict[str, Any]
) -> None:
    undisturbed = ran(tmp_path / "whole", **settings)

    parts = ran(tmp_path / "parts", hungry(most, classes=settings.get("classes", 2)), **settings)

    assert (undisturbed.result.batch_divisor, parts.result.batch_divisor) == (1, divisor)
    assert_nearly_the_same(parts, undisturbed)


def test_memory_that_runs_out_in_the_middle_changes_nothing_else(
    halved: Finished, whole: Finished
) -> None:
    assert halved().result.batch_divisor == 2
    assert_nearly_the_same(halved(), whole())


def test_first_epoch_that_broke_off_begins_anew(tmp_path: Path, whole: Finished) -> None:
    """Two steps of it have changed weights, and there is no backup yet."""
    parts = ran(tmp_path, hungry(HALF, epochs=2 / CALLS))

    assert parts.result.batch_divisor == 2
    assert_nearly_the_same(parts, whole())


def test_divisor_is_written_down_with_the_stage(halved: Finished) -> None:
    assert halved().result.as_dict()["batch_divisor"] == 2


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """After each step, how many the optimizer counts, and its rate for the next."""
    seen = []

    class Steps(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            optimizer = self.model.optimizer
            seen.append((int(optimizer.iterations), float(optimizer.learning_rate)))

    fit = Learner.fit
    monkeypatch.setattr(
        Learner,
        "fit",
        lambda self, *args, callbacks, **rest: fit(
            self, *args, callbacks=[*callbacks, Steps()], **rest
        ),
        raising=False,
    )
    return seen


def test_batch_in_parts_is_one_step_for_optimizer_and_schedule(
    tmp_path: Path, steps: list[tuple[int, float]]
) -> None:
    ran(tmp_path, hungry(A_QUARTER), schedule="cosine", learning_rate=0.02, epochs=2)

    counts, rates = zip(*steps, strict=True)
    assert counts == (1, 2, 3, 4, 5, 6)
    np.testing.assert_allclose(
        rates, 0.01 * (1 + np.cos(np.pi * np.arange(1, 7) / 6)), rtol=1e-5, atol=1e-9
    )


def test_halved_batch_is_told_with_what_to_set(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ran(tmp_path, hungry(A_QUARTER), epochs=1)

    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [
        "Memory ran out in the frozen stage with 10 photos at a time: it goes on from its last "
        "finished epoch with 5 at a time, and still learns from 10 in a step; a train.batch_size "
        "of 5 would need no such parts.",
        "Memory ran out in the frozen stage with 5 photos at a time: it goes on from its last "
        "finished epoch with 3 at a time, and still learns from 10 in a step; a train.batch_size "
        "of 3 would need no such parts.",
    ]


def test_no_memory_for_one_photo_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as error:
        ran(tmp_path, hungry(0))

    assert str(error.value) == (
        "Memory runs out in the frozen stage even with one photo at a time on each device; lower "
        "image.size or train.batch_size, or choose a smaller backbone.name."
    )


def test_other_failure_is_not_tried_again(tmp_path: Path) -> None:
    def broken(first: int, last: int) -> Epochs:
        epochs = epochs_from(first, last)
        refused = epochs.dataset.map(lambda x, y: (tf.debugging.check_numerics(x / 0, "nan"), y))
        return Epochs(refused, epochs.steps)

    with pytest.raises(tf.errors.InvalidArgumentError, match="nan"):
        stage(tmp_path, train=broken).run()

    assert not list(tmp_path.rglob("batch_divisor.json"))


def test_epochs_that_were_finished_are_not_repeated(tmp_path: Path) -> None:
    seen = []

    def train(first: int, last: int) -> Epochs:
        seen.append((first, last))
        return epochs_from(first, last, batch_size=BATCH_SIZE)

    ran(tmp_path, hungry(HALF, epochs=2.5), train=train)

    assert seen == [(0, 5), (2, 5)]


@pytest.mark.parametrize(
    ("epoch", "step", "settings"),
    [
        pytest.param(3, 1, {"dropout": 0.5}, id="later, with dropout"),
        pytest.param(3, 2, {"schedule": "cosine"}, id="later", marks=pytest.mark.slow),
        pytest.param(2, 2, {}, id="in the epoch that is done again", marks=pytest.mark.slow),
        pytest.param(1, 1, {}, id="before", marks=pytest.mark.slow),
    ],
)
def test_killed_training_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, halved: Finished, epoch: int, step: int, settings: dict[str, Any]
) -> None:
    """Also where one process had memory enough for an epoch that another had none for."""
    dropout = settings.get("dropout", 0.0)
    killed = hungry(HALF, epochs=2.5, dropout=dropout)
    run_killed(tmp_path, epoch, step, killed, **{"batch_size": BATCH_SIZE, **settings})
    left = max(2.5 - epoch, 0) or 1 / CALLS
    resumed = hungry(HALF, epochs=left, dropout=dropout)

    again = ran(tmp_path, resumed, **{k: v for k, v in settings.items() if k != "dropout"})

    assert_same(again, halved(**settings))


def test_process_after_the_kill_begins_with_the_parts_that_fitted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_killed(tmp_path, 3, 1, hungry(HALF, epochs=2.5), batch_size=BATCH_SIZE)
    caplog.clear()

    again = ran(tmp_path, hungry(HALF))

    assert again.result.batch_divisor == 2
    assert "Memory ran out" not in caplog.text


def test_early_stopping_counts_the_epochs_before(tmp_path: Path, whole: Finished) -> None:
    settings = {"learning_rate": 0.02, "epochs": 60, "early_stopping": 3}
    undisturbed = whole(**settings)
    assert undisturbed.result.epoch > 0, "nothing would be better than before"
    before = undisturbed.result.epoch + 1.5

    parts = ran(tmp_path, hungry(HALF, epochs=before), **settings)

    assert parts.result.batch_divisor == 2
    assert len(parts.result.history["loss"]) == undisturbed.result.epoch + 4 < 60
    assert parts.result.epoch == undisturbed.result.epoch


@pytest.mark.parametrize(
    "epochs",
    [
        pytest.param(1.5, id="while it is measured"),
        # The first call after an epoch is that of the norms.
        pytest.param(1.0, id="while norms are worked out"),
    ],
)
def test_tensorboard_has_every_epoch_once(tmp_path: Path, epochs: float) -> None:
    ran(tmp_path, hungry(HALF, epochs=epochs), histogram_freq=1, epochs=3)

    written: dict[str, list[int]] = {}
    for file in sorted((tmp_path / "board").rglob("*.tfevents.*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                written.setdefault(value.tag, []).append(event.step)
    assert sorted(written["epoch_loss"]) == [0, 0, 1, 1, 2, 2]  # Of training and evaluation.
    norms = [steps for tag, steps in written.items() if tag.startswith("gradient_norm/")]
    assert [sorted(steps) for steps in norms] == [[0, 1, 2]] * 4


def test_memory_of_the_first_try_is_free_before_the_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[keras.Model]] = []
    alive = []

    class Seen(Learner):
        def __init__(self, model: keras.Model, *, divisor: int) -> None:
            gc.disable()  # What is freed here, the stage has freed.
            alive.append(sum(former() is not None for former in made))
            super().__init__(model, divisor=divisor)
            made.append(weakref.ref(self))

    monkeypatch.setattr(stage_module, "Learner", Seen)
    try:
        ran(tmp_path, hungry(A_QUARTER), epochs=1)
    finally:
        gc.enable()

    assert alive == [0, 0, 0]


@pytest.fixture
def _sixteen_bits() -> Iterator[None]:
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.usefixtures("_sixteen_bits")
@pytest.mark.slow
def test_loss_is_scaled_for_16_bits_in_parts_too(tmp_path: Path) -> None:
    undisturbed = ran(tmp_path / "whole")

    parts = ran(tmp_path / "parts", hungry(HALF))

    assert parts.result.batch_divisor == 2
    for metric in ("loss", "val_loss"):
        np.testing.assert_allclose(
            parts.result.history[metric], undisturbed.result.history[metric], rtol=0.01
        )


TWO_REPLICAS = textwrap.dedent("""
    import json, pathlib, sys
    import tensorflow as tf
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    from test_stage_memory import hungry, ran
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        parts = ran(pathlib.Path(sys.argv[1]), hungry(3))
    print(json.dumps(parts.result.as_dict()))
""")


@pytest.mark.slow
def test_two_replicas_take_their_batches_in_parts(tmp_path: Path, whole: Finished) -> None:
    """Each has five photos of a step of ten, and memory for three of them."""
    result = subprocess.run(
        [sys.executable, "-c", TWO_REPLICAS, tmp_path],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}:{Path(__file__).parent}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr

    two = json.loads(result.stdout.splitlines()[-1])
    assert two["batch_divisor"] == 2
    for metric, values in whole().result.history.items():
        np.testing.assert_allclose(two["history"][metric], values, rtol=1e-3, err_msg=metric)


LITTLE_MEMORY = textwrap.dedent("""
    import dataclasses, json, pathlib, resource, sys
    import keras, tensorflow as tf
    from made_stages import CHANNELS, Ran

    class Wide(keras.layers.Layer):
        # 8 MB a row and tensor, of which a gradient needs several.
        def call(self, inputs):
            wide = inputs[:, :, None] * tf.linspace(0.1, 1.0, 2048)
            for _ in range(3):
                wide = tf.tanh(wide)
            return tf.reduce_mean(wide, axis=2)

    def run(name):
        keras.utils.set_random_seed(3)
        rows = keras.Input((CHANNELS,))
        wide = Wide()(keras.layers.Dense(1024)(rows))
        outputs = keras.layers.Dense(1, activation="sigmoid")(wide)
        folder = pathlib.Path(sys.argv[1], name)
        return Ran(folder, keras.Model(rows, outputs), epochs=2).result.as_dict()

    enough = run("enough")
    (size,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmSize"))
    limit = 1024 * int(size) + 200 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print(json.dumps([enough, run("little")]))
""")


@pytest.mark.slow
def test_process_that_may_take_little_memory_learns_the_same(tmp_path: Path) -> None:
    """Allocations fail as they do on a GPU, because what a step keeps does not fit."""
    result = subprocess.run(
        [sys.executable, "-c", LITTLE_MEMORY, tmp_path],
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
            # Each thread and arena that begins later takes addresses from what is left.
            "TF_NUM_INTRAOP_THREADS": "2",
            "TF_NUM_INTEROP_THREADS": "2",
            "MALLOC_ARENA_MAX": "2",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr

    enough, little = json.loads(result.stdout.splitlines()[-1])
    assert (enough["batch_divisor"], little["batch_divisor"] > 1) == (1, True)
    for metric, values in enough["history"].items():
        np.testing.assert_allclose(little["history"][metric], values, rtol=1e-3, err_msg=metric)
