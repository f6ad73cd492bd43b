"""Tests of the comparison with plain Keras and TFX's own way."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

import samples
from benchmarks import training
from benchmarks.machine import this_machine
from benchmarks.sides import FINE_TUNE_EPOCHS, FROZEN_EPOCHS, Took
from benchmarks.training import compared, main, parsed
from benchmarks.training_table import COLD, OTHER_RATE, PLAIN, TFX, UNCHANGED, Round, Size, table

CLASSES = ("birds", "food")
PHOTOS_PER_CLASS = 16

STOCK_COMPONENTS = {
    *("ImportExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "Transform"),
    *("Trainer", "Resolver", "Evaluator", "Pusher"),
}


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def found(scratch: Path, tmp_path_factory: pytest.TempPathFactory) -> Size:
    """All sides once, with few photos and one epoch in each stage."""
    data = tmp_path_factory.mktemp("data")
    for name in CLASSES:
        (data / name).mkdir()
        for photo in sorted((samples.PHOTOS_FOLDER / name).glob("*.jpg"))[:PHOTOS_PER_CLASS]:
            shutil.copy(photo, data / name)
    (size,) = compared(data, scratch, epochs=1)
    return size


@pytest.mark.slow
def test_every_side_has_a_model_that_answers(found: Size) -> None:
    (one,) = found.rounds

    assert list(one.sides) == [PLAIN, TFX, COLD, UNCHANGED, OTHER_RATE]
    assert found.photos + found.held_out == len(CLASSES) * PHOTOS_PER_CLASS
    for took in one.sides.values():
        assert took.seconds > 0
        assert 0 < took.accuracy <= 1
        assert took.peak_gb > 0.05
    assert one.sides[UNCHANGED].accuracy == one.sides[COLD].accuracy
    assert one.sides[UNCHANGED].seconds < one.sides[COLD].seconds


@pytest.mark.slow
def test_parts_are_told_of_each_side(found: Size) -> None:
    sides = found.rounds[0].sides
    epochs = {FROZEN_EPOCHS, FINE_TUNE_EPOCHS}

    assert sides[PLAIN].parts.keys() == {"start-up", *epochs}
    assert sides[TFX].parts.keys() == {"start-up", "records", *STOCK_COMPONENTS}
    assert {"ImageExampleGen", "Embedder", "Trainer", *epochs} <= sides[COLD].parts.keys()
    assert {*epochs} <= sides[OTHER_RATE].parts.keys()
    assert not epochs & sides[UNCHANGED].parts.keys()
    assert sides[TFX].parts["Trainer"] > sides[TFX].parts["SchemaGen"] > 0


@pytest.mark.slow
def test_stock_pipeline_blessed_and_pushed_a_model_that_answers(found: Size, scratch: Path) -> None:
    import tensorflow as tf

    output = scratch / str(found.photos) / "round-0" / "tfx"
    (blessing,) = (output / "artifacts" / "Evaluator" / "blessing").iterdir()
    (version,) = (output / "models").iterdir()
    photo = next((samples.PHOTOS_FOLDER / CLASSES[0]).glob("*.jpg")).read_bytes()
    image = tf.train.Feature(bytes_list=tf.train.BytesList(value=[photo]))
    example = tf.train.Example(features=tf.train.Features(feature={"image": image}))

    answer = tf.saved_model.load(str(version)).signatures["serving_default"]
    (scores,) = answer(examples=tf.constant([example.SerializeToString()] * 3)).values()

    assert [file.name for file in blessing.iterdir()] == ["BLESSED"]
    assert scores.shape == (3, 1)
    assert 0 < float(scores[0, 0]) < 1


@pytest.mark.slow
def test_table_and_json_are_complete(found: Size) -> None:
    made = table([found])
    ratios = found.rounds[0].ratios

    assert [column.header for column in made.columns] == ["photos", "", *found.rounds[0].sides]
    assert all("" not in list(column.cells) for column in made.columns[1:])
    assert list(ratios) == [
        "cold run / plain Keras",
        "cold run / TFX's own way",
        "frozen epochs with their embeddings / plain frozen epochs",
        "fine-tune epochs / plain fine-tune epochs",
        "Embedder and Trainer / stock Trainer",
        "other learning rate / cold run",
        "unchanged run / cold run",
        "Evaluator and ReportGen / cold run",
        "Embedder after 10 photos / cold Embedder",
    ]
    assert min(ratios.values()) > 0
    assert json.loads(json.dumps(asdict(found)))["rounds"][0]["ratios"] == ratios


def test_both_others_are_compared_with_unless_told_otherwise() -> None:
    args = parsed(["--data", "photos"])

    assert vars(args) == {
        "data": Path("photos"),
        "photos": [],
        "against": ["plain", "tfx"],
        "epochs": 10,
        "rounds": 1,
        "lean": False,
        "json": False,
    }


@pytest.mark.parametrize(
    ("options", "against"),
    [(["--against", "tfx"], ["tfx"]), (["--against", "plain"], ["plain"]), (["--against"], [])],
)
def test_others_can_be_left_out(options: list[str], against: list[str]) -> None:
    args = parsed(["--data", "photos", "--photos", "400", "3200", *options])

    assert args.photos == [400, 3200]
    assert args.against == against


def test_side_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parsed(["--data", "photos", "--against", "pytorch"])

    assert "invalid choice: 'pytorch'" in capsys.readouterr().err


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Size:
    """What every comparison of this test is said to have found."""
    cold = Took(100.0, 0.98, 1.8, {"Trainer": 40.0})
    size = Size(3200, 113, [Round({COLD: cold}, {"unchanged run / cold run": 0.12})])
    monkeypatch.setattr(training, "compared", lambda data, scratch, **options: [size])
    return size


@pytest.mark.usefixtures("given")
def test_machine_stands_above_the_table_and_ratios_below(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["--data", "photos"])

    lines = capsys.readouterr().out.splitlines()
    assert "".join(lines).startswith(str(this_machine()))
    assert "accuracy, 113 held out" in "".join(lines)
    assert lines[-2:] == ["3,200 photos", "  unchanged run / cold run: 0.12"]


def test_json_has_the_machine_and_every_round(
    given: Size, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--data", "photos", "--json"])

    assert json.loads(capsys.readouterr().out) == {
        "machine": asdict(this_machine()),
        "sizes": [asdict(given)],
    }
