"""Tests of one stage of training: what it keeps, when it stops, how it goes on when killed."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from made_stages import (
    Ran,
    assert_same,
    embeddings,
    epochs_from,
    head,
    run_killed,
    stage,
    weights_of,
)
from tensorflow.python.framework.func_graph import FuncGraph

from components.trainer import stage as stage_module
from components.trainer.input_data import Epochs
from components.trainer.model import compile_classifier


def loss_of(model: keras.Model, rows: np.ndarray, labels: np.ndarray) -> float:
    """Returns the mean of the binary cross-entropy, worked out by hand."""
    probability = np.where(labels == 1, model(rows), 1 - np.asarray(model(rows)))
    return float(-np.log(probability).mean())


# Its loss is lowest in the middle; without patience, it goes on to the end.
RESTLESS = {"learning_rate": 0.5, "epochs": 12}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ran]:
    """Runs a stage, each kind once."""

    @cache
    def run(**settings: Any) -> Ran:
        return Ran(tmp_path_factory.mktemp("undisturbed"), **settings)

    return run


Undisturbed = Callable[..., Ran]


def test_history_has_each_epoch(undisturbed: Undisturbed) -> None:
    history = undisturbed().result.history

    assert sorted(history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert [len(values) for values in history.values()] == [5] * 4
    assert history["loss"][-1] < history["loss"][0]


def test_result_is_that_of_the_best_epoch(undisturbed: Undisturbed) -> None:
    result = undisturbed(**RESTLESS).result

    losses = result.history["val_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == 12
    assert best < 8, "a best epoch near the end would tell nothing"
    assert (result.epoch, result.loss) == (best, losses[best])
    assert result.accuracy == result.history["val_accuracy"][best]


def test_model_has_the_weights_of_the_best_epoch(undisturbed: Undisturbed) -> None:
    ran = undisturbed(**RESTLESS)
    ran.model.set_weights([np.zeros_like(weight) for weight in ran.model.get_weights()])

    ran.result.restore()

    np.testing.assert_array_equal(weights_of(ran.model), ran.weights)
    assert loss_of(ran.model, *embeddings(seed=1)) == pytest.approx(ran.result.loss, rel=1e-4)


def test_stage_that_does_not_improve_stops_early(tmp_path: Path) -> None:
    result = stage(tmp_path, learning_rate=0.5, epochs=40, early_stopping=3).run()

    ran = len(result.history["val_loss"])
    assert ran == result.epoch + 3 + 1 < 40
    assert min(result.history["val_loss"]) == result.loss


def graphs_of_steps() -> int:
    """Returns how many steps of training TensorFlow holds graphs of, with all they captured."""
    gc.collect()
    graphs = (one for one in gc.get_objects() if type(one) is FuncGraph)
    return sum(graph.name.startswith("one_step_on_data") for graph in graphs)


def test_training_leaves_nothing_in_memory(tmp_path: Path) -> None:
    before = graphs_of_steps()

    stage(tmp_path).run()

    assert graphs_of_steps() == before


def test_epochs_are_counted_from_the_first_of_the_stage(tmp_path: Path) -> None:
    seen = []

    def train(first: int, last: int) -> Epochs:
        seen.append((first, last))
        return epochs_from(first, last)

    result = stage(tmp_path, first=10, train=train).run()

    assert seen == [(10, 15)]
    assert 10 <= result.epoch < 15
    assert len(result.history["loss"]) == 5


def first_loss(folder: Path, **changes: Any) -> float:
    """Returns the loss before anything was learnt: the mean over one epoch at rate 0."""
    model = head(changes.get("classes", 2), dropout=0.0)
    result = stage(folder, model, epochs=1, learning_rate=0.0, **changes).run()
    return result.history["loss"][0]


def test_class_weights_multiply_the_loss_of_their_class(tmp_path: Path) -> None:
    model = head(dropout=0.0)
    rows, labels = embeddings()
    of_class = [loss_of(model, rows[labels[:, 0] == n], labels[labels[:, 0] == n]) for n in (0, 1)]

    loss = first_loss(tmp_path, class_weights={0: 0.5, 1: 3.0})

    assert loss == pytest.approx((0.5 * of_class[0] + 3.0 * of_class[1]) / 2, rel=1e-5)


@pytest.mark.slow
def test_class_weights_count_for_more_than_two_classes(tmp_path: Path) -> None:
    model = head(3, dropout=0.0)
    rows, labels = embeddings(3)
    per_row = -np.log((np.asarray(model(rows)) * labels).sum(axis=1))
    weights = np.array([0.5, 1.0, 3.0])

    loss = first_loss(tmp_path, classes=3, class_weights=dict(enumerate(weights)))

    assert loss == pytest.approx((per_row * weights[labels.argmax(1)]).mean(), rel=1e-5)


@pytest.mark.parametrize("classes", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_label_smoothing_spreads_certainty_over_all_classes(tmp_path: Path, classes: int) -> None:
    model = head(classes, dropout=0.0)
    rows, labels = embeddings(classes)
    outputs = np.asarray(model(rows))
    if classes == 2:
        outputs, labels = np.hstack([1 - outputs, outputs]), np.hstack([1 - labels, labels])
    smoothed = 0.8 * labels + 0.2 / classes

    loss = first_loss(tmp_path, classes=classes, label_smoothing=0.2)

    assert loss == pytest.approx(-(smoothed * np.log(outputs)).sum(axis=1).mean(), rel=1e-5)


@pytest.fixture
def learners(monkeypatch: pytest.MonkeyPatch) -> list[keras.Model]:
    """What learns in the stages of a test, each with the `rates` of its steps."""
    made: list[keras.Model] = []

    class Rates(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.model.rates.append(float(self.model.optimizer.learning_rate))

    def compiled(model: keras.Model, **settings: Any) -> None:
        compile_classifier(model, **settings)
        fit, model.rates = model.fit, []
        model.fit = lambda *args, callbacks, **rest: fit(
            *args, callbacks=[*callbacks, Rates()], **rest
        )
        made.append(model)

    monkeypatch.setattr(stage_module, "compile_classifier", compiled)
    return made


def test_cosine_schedule_falls_to_zero_after_the_last_step(
    tmp_path: Path, learners: list[keras.Model]
) -> None:
    stage(tmp_path, schedule="cosine", learning_rate=0.02, epochs=4).run()

    (learner,) = learners
    expected = 0.01 * (1 + np.cos(np.pi * np.arange(12) / 12))
    np.testing.assert_allclose(learner.rates, expected, rtol=1e-5)
    assert float(learner.optimizer.learning_rate) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "kind"), [pytest.param("adam", "Adam", marks=pytest.mark.slow), ("adamw", "AdamW")]
)
def test_optimizer_and_constant_rate_are_those_asked_for(
    tmp_path: Path, learners: list[keras.Model], name: str, kind: str
) -> None:
    stage(tmp_path, optimizer=name, learning_rate=0.02, epochs=1).run()

    (learner,) = learners
    assert type(learner.optimizer).__name__ == kind
    assert float(learner.optimizer.learning_rate) == pytest.approx(0.02)


def test_histograms_and_gradient_norms_are_written(tmp_path: Path) -> None:
    stage(tmp_path, histogram_freq=2, epochs=3, first=4).run()

    written: dict[str, list[int]] = {}
    for file in sorted((tmp_path / "board").rglob("*.tfevents.*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                written.setdefault(value.tag, []).append(event.step)
    norms = [tag for tag in written if tag.startswith("gradient_norm/")]
    assert len(norms) == 4  # Two kernels, two biases.
    assert written[norms[0]] == [4, 6]
    assert sorted(written["epoch_loss"]) == [4, 4, 5, 5, 6, 6]  # Of training and evaluation.


@pytest.mark.slow
def test_same_seed_gives_the_same_history(tmp_path: Path, undisturbed: Undisturbed) -> None:
    again = Ran(tmp_path, dropout=0.5)

    assert again.result.history == undisturbed(dropout=0.5).result.history


KILLED: dict[str, tuple[int, int, dict[str, Any]]] = {
    "in the middle": (2, 1, {}),
    "in the last epoch, on a schedule": (4, 2, {"schedule": "cosine"}),
    "in the first epoch": (0, 1, {}),
    "with AdamW": (1, 1, {"optimizer": "adamw"}),
    "with dropout": (2, 1, {"dropout": 0.5}),
}
FAST = ("in the middle", "with dropout")


@pytest.mark.parametrize(
    ("epoch", "step", "settings"),
    [
        pytest.param(*case, id=name, marks=[] if name in FAST else [pytest.mark.slow])
        for name, case in KILLED.items()
    ],
)
def test_killed_training_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, undisturbed: Undisturbed, epoch: int, step: int, settings: dict[str, Any]
) -> None:
    """Weights, optimizer, schedule and the dropout's random numbers all have to be kept."""
    run_killed(tmp_path, epoch, step, **settings)

    assert_same(Ran(tmp_path, **settings), undisturbed(**settings))


def test_no_epoch_is_repeated_after_training_was_killed_twice(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    seen = []

    def train(first: int, last: int) -> Epochs:
        seen.append((first, last))
        return epochs_from(first, last)

    run_killed(tmp_path, 1, 1)
    run_killed(tmp_path, 3, 2, train=train)

    assert_same(Ran(tmp_path, train=train), undisturbed())
    assert seen == [(1, 5), (3, 5)]


def test_complete_stage_trains_no_more(
    tmp_path: Path, undisturbed: Undisturbed, learners: list[keras.Model]
) -> None:
    """The second stage was killed: the first has its result from disk."""
    shutil.copytree(undisturbed().folder, tmp_path, dirs_exist_ok=True)
    learners.clear()  # That may have been the first test to want it.

    again = Ran(tmp_path)

    assert_same(again, undisturbed())
    assert learners == []


def test_complete_stage_is_restored_without_a_warning(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    """Keras wants the optimizer built before it loads a file that holds one."""
    shutil.copytree(undisturbed().folder, tmp_path, dirs_exist_ok=True)

    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always", UserWarning)
        Ran(tmp_path)
    assert [str(warning.message) for warning in shown] == []


EARLY = {"learning_rate": 0.5, "epochs": 40, "early_stopping": 3}


def test_training_that_had_stopped_early_stays_stopped(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    ran = undisturbed(**EARLY)
    shutil.copytree(ran.folder, tmp_path, dirs_exist_ok=True)

    assert_same(Ran(tmp_path, **EARLY), ran)


@pytest.mark.slow
def test_early_stopping_counts_the_epochs_before_the_kill(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    ran = undisturbed(**EARLY)
    run_killed(tmp_path, ran.result.epoch + 2, 1, **EARLY)

    assert_same(Ran(tmp_path, **EARLY), ran)


@pytest.mark.slow
def test_epoch_that_was_noted_but_not_backed_up_is_noted_once(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    """Killed between the best weights, the history and the backup of epoch 3."""
    shutil.copytree(undisturbed().folder, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "backup/frozen"
    (folder / "after-000004.npz").unlink()
    run_killed(tmp_path / "2", 3, 1)
    shutil.copy(tmp_path / "2/backup/frozen/after-000002.npz", folder)
    (folder / "partial-after-000003.npz").write_bytes(b"half")

    assert_same(Ran(tmp_path), undisturbed())


def test_one_backup_is_kept(undisturbed: Undisturbed) -> None:
    kept = [path.name for path in (undisturbed().folder / "backup/frozen").iterdir()]

    assert sorted(name for name in kept if name.endswith(".npz")) == [
        "after-000004.npz",
        "best.npz",
    ]
    assert not [name for name in kept if name.startswith("partial-")]


@pytest.mark.slow
def test_process_that_is_killed_leaves_what_the_next_one_needs(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    program = textwrap.dedent(f"""
        import pathlib, time
        from made_stages import head, stage
        from components.trainer import snapshot
        save = snapshot.save
        def save_slowly(model, file, optimizer=False):
            print("saving", file, flush=True)
            save(model, file, optimizer=optimizer)
            time.sleep(0.05)
        snapshot.save = save_slowly
        stage(pathlib.Path({str(tmp_path)!r}), head()).run()
    """)
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root}:{root / 'tests'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "after-000002" in line:
                process.send_signal(signal.SIGKILL)
                break

    assert process.returncode == -signal.SIGKILL
    assert_same(Ran(tmp_path), undisturbed())
