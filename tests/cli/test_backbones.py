"""Tests of `warmstart backbones`: what it lists, and what it says of a comparison."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import samples
from cli.main import app
from components.backbone.cache import imagenet_file
from components.backbone.registry import BACKBONES

HEAVY = {"tensorflow", "keras", "sklearn", "tfx", "apache_beam", "tensorflow_transform"}

PLAIN = {"COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}


def invoke(*arguments: str | Path, keras_home: Path | None = None) -> Result:
    """Runs `warmstart backbones` in this process."""
    environment = {**PLAIN, **({"KERAS_HOME": str(keras_home)} if keras_home else {})}
    command = ["backbones", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(app, command, env=environment)


def copy_photos(folder: Path, **classes: int) -> Path:
    """Copies the first photos of some classes of the sample."""
    for label, count in classes.items():
        (folder / label).mkdir(parents=True)
        for photo in sorted((samples.PHOTOS_FOLDER / label).iterdir())[:count]:
            shutil.copy(photo, folder / label)
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return copy_photos(tmp_path / "photos", birds=12, food=12)


def test_list_has_a_line_for_every_backbone(tmp_path: Path) -> None:
    result = invoke("list", keras_home=tmp_path)

    header, *lines, blank, footer = result.stdout.splitlines()
    assert header == "backbone           parameters pixels ImageNet  weights here"
    assert [line.split(maxsplit=1)[0] for line in lines] == list(BACKBONES)
    assert "MobileNetV2             3.5 M    224   71.3 %  embedded, at 160 pixels" in lines
    assert "ResNet50               25.6 M    224   74.9 %  -" in lines
    assert (blank, footer) == (
        "",
        f"The weight cache, of ImageNet weights that were downloaded, is {tmp_path}/models.",
    )


@pytest.mark.parametrize("way", ["option", "variable"])
def test_list_looks_into_the_weight_cache(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARMSTART_WEIGHTS_CACHE", str(tmp_path if way == "variable" else "gone"))
    (tmp_path / imagenet_file("Xception")).touch()
    option = ["--weights-cache", tmp_path] if way == "option" else []

    listed = json.loads(invoke("list", *option, "--json").stdout)

    assert {one["name"]: one["file"] for one in listed if one["file"]} == {
        "Xception": str(tmp_path / imagenet_file("Xception"))
    }


def test_list_names_files_in_the_folder_of_keras(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name in ("VGG16", "MobileNetV2"):
        (tmp_path / "models" / imagenet_file(name)).touch()

    lines = invoke("list", keras_home=tmp_path).stdout.splitlines()

    assert (
        "VGG16                 138.4 M    224   71.3 %  "
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    ) in lines
    assert (
        "MobileNetV2             3.5 M    224   71.3 %  embedded, at 160 pixels, "
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    ) in lines


def test_list_as_json_has_an_object_for_every_backbone(tmp_path: Path) -> None:
    file = tmp_path / "models" / imagenet_file("Xception")
    file.parent.mkdir()
    file.touch()

    listed = json.loads(invoke("list", "--json", keras_home=tmp_path).stdout)

    by_name = {entry["name"]: entry for entry in listed}
    assert list(by_name) == list(BACKBONES)
    assert by_name["Xception"] == {
        "name": "Xception",
        "parameters_in_millions": 22.9,
        "image_size": 299,
        "imagenet_top1_percent": 79.0,
        "weights": "imagenet",
        "file": str(file),
    }
    assert (by_name["MobileNetV2"]["weights"], by_name["MobileNetV2"]["file"]) == (
        *("embedded", None),
    )
    assert by_name["VGG19"]["weights"] is None


LIGHT = {
    "list": ["list"],
    "list as JSON": ["list", "--json"],
    "help": ["compare", "--help"],
    "unknown backbone": ["compare", "--data", "DIR", "--backbones", "ResNet5"],
    "no photos": ["compare", "--data", "DIR", "--backbones", "ResNet50"],
}


@pytest.mark.parametrize("arguments", LIGHT.values(), ids=LIGHT)
def test_answer_that_needs_no_tensorflow_does_not_import_it(
    tmp_path: Path, arguments: list[str]
) -> None:
    script = (
        "import sys\n"
        "from cli.main import app\n"
        "try:\n"
        "    app(['backbones', *sys.argv[1:]])\n"
        "finally:\n"
        "    sys.stdout.write('\\n' + ' '.join(sys.modules))\n"
    )
    inside = [argument.replace("DIR", str(tmp_path)) for argument in arguments]

    result = subprocess.run(
        [sys.executable, "-c", script, *inside], capture_output=True, text=True, check=False
    )

    loaded = set(result.stdout.splitlines()[-1].split())
    assert "typer" in loaded
    assert loaded & HEAVY == set()


# Name: arguments of `backbones compare`, where {} is a folder; exit code; what is said.
FAILURES: dict[str, tuple[list[str], int, str]] = {
    "misspelt backbone": (
        ["--data", "{}/photos", "--backbones", "MobileNetV2,ResNet5O"],
        2,
        "--backbones MobileNetV2,ResNet5O: 'ResNet5O' is no model of keras.applications; did you "
        "mean ResNet50 or ResNet152 or ResNet50V2? `warmstart backbones list` shows them.",
    ),
    "no backbone": (
        ["--data", "{}/photos", "--backbones", ""],
        2,
        "--backbones : '' is no model of keras.applications; `warmstart backbones list` shows "
        "them.",
    ),
    "embedded weights of another": (
        ["--data", "{}/photos", "--backbones", "MobileNetV2,VGG16", "--weights", "embedded"],
        2,
        "--backbones MobileNetV2,VGG16: the embedded weights are those of MobileNetV2, not of "
        "VGG16; use imagenet, none or a .weights.h5 file for it.",
    ),
    "missing photos": (
        ["--data", "{}/missing", "--backbones", "MobileNetV2"],
        1,
        "{}/missing does not exist; name the folder that holds the class folders, a manifest or "
        "an archive.",
    ),
    "one class": (
        ["--data", "{}/one", "--backbones", "MobileNetV2"],
        1,
        "{}/one holds one class only, birds: a comparison needs photos of at least two classes, "
        "each in a folder of its own.",
    ),
}


@pytest.mark.parametrize(("arguments", "code", "said"), FAILURES.values(), ids=FAILURES)
def test_failure_is_one_sentence_on_stderr(
    photos: Path, arguments: list[str], code: int, said: str
) -> None:
    root = str(photos.parent)
    copy_photos(photos.parent / "one", birds=2)

    result = invoke("compare", *(argument.format(root) for argument in arguments))

    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr == f"Error: {said.format(root)}\n"


def test_failure_with_json_is_one_object_on_stdout(tmp_path: Path) -> None:
    missing = tmp_path / "missing"

    result = invoke("compare", "--data", missing, "--backbones", "MobileNetV2", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "photos": 0,
        "classes": [],
        "folds": 0,
        "notes": [],
        "backbones": [],
        "recommended": None,
        "domain_gap": None,
        "error": f"{missing} does not exist; name the folder that holds the class folders, a "
        "manifest or an archive.",
    }


@pytest.mark.parametrize(
    ("option", "value"), [("--folds", "1"), ("--seed", "-1")], ids=["one fold", "negative seed"]
)
def test_value_out_of_range_is_a_usage_error(photos: Path, option: str, value: str) -> None:
    result = invoke("compare", "--data", photos, "--backbones", "MobileNetV2", option, value)

    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.stderr


NUMBER = r"\d+\.\d"
SHARE = rf"{NUMBER}%"


def test_comparison_prints_a_table_a_pick_and_the_domain_gap(photos: Path) -> None:
    shutil.copy(photos / "food" / "almond.jpg", photos / "food" / "again.jpg")

    result = invoke("compare", "--data", photos, "--backbones", "MobileNetV2", "--folds", "13")

    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[:5] == [
        "24 photos of 2 classes in 12 folds; the intervals are Wilson's of 95 %.",
        "1 file was left out, as a copy of another photo.",
        "12 folds instead of 13: the smallest class, birds, has 12 photos.",
        "",
        "backbone           weights    pixels accuracy  interval         seconds      MB",
    ]
    assert re.fullmatch(
        rf"MobileNetV2        embedded      160 +{SHARE}  {SHARE} to {SHARE} +{NUMBER}     9\.0",
        lines[5],
    )
    assert lines[6:9] == [
        "",
        "Recommended: MobileNetV2 (the most accurate).",
        "  --set backbone.name=MobileNetV2 --set backbone.weights=embedded",
    ]
    assert re.fullmatch(
        rf"Domain gap: with pretrained weights MobileNetV2 recognises {SHARE} of the photos, with "
        rf"random ones {SHARE}: a gain of {NUMBER} points \(95 % interval {NUMBER} to {NUMBER}\)\. "
        r"Pretraining helps\.",
        lines[9],
    )
    assert len(lines) == 10


def test_comparison_goes_on_without_a_backbone_whose_weights_are_missing(photos: Path) -> None:
    missing = photos.parent / "my.weights.h5"

    result = invoke(
        *("compare", "--data", photos, "--json", "--no-domain-gap"),
        *("--backbones", f"ResNet50={missing},MobileNetV2"),
    )

    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.count("\n") == 1
    printed: dict[str, Any] = json.loads(result.stdout)
    failed, tried = printed.pop("backbones")
    assert failed == {
        "name": "ResNet50",
        "weights": str(missing),
        "image_size": 224,
        "error": f"backbone.weights = '{missing}' is no file; use embedded, imagenet, none or the "
        "path of a .weights.h5 or .keras file.",
    }
    assert (tried["name"], tried["weights"], tried["error"]) == ("MobileNetV2", "embedded", None)
    assert 0 < tried["interval"][0] < tried["accuracy"] <= tried["interval"][1] <= 1
    assert printed == {
        "photos": 24,
        "classes": ["birds", "food"],
        "folds": 5,
        "notes": [],
        "recommended": {"name": "MobileNetV2", "weights": "embedded"},
        "domain_gap": None,
        "error": None,
    }


def test_comparison_without_any_weights_recommends_nothing(photos: Path) -> None:
    missing = photos.parent / "my.weights.h5"

    result = invoke("compare", "--data", photos, "--backbones", "VGG16", "--weights", missing)

    assert result.exit_code == 1
    assert result.stdout.splitlines()[3] == (
        f"VGG16              my.weights.h5 not tried: backbone.weights = '{missing}' is no file; "
        "use embedded, imagenet, none or the path of a .weights.h5 or .keras file."
    )
    assert "Recommended" not in result.stdout


def test_photo_that_cannot_be_decoded_is_left_out(photos: Path) -> None:
    (photos / "food" / "half.jpg").write_bytes((photos / "food" / "almond.jpg").read_bytes()[:99])

    result = invoke("compare", "--data", photos, "--backbones", "VGG16", "--weights", "gone.h5")

    assert "1 file was left out, as no photo that can be used." in result.stdout


@pytest.mark.slow
def test_random_weights_lose_against_pretrained_ones(photos: Path) -> None:
    result = invoke(
        *("compare", "--data", photos, "--json"),
        *("--backbones", "MobileNetV2=none,MobileNetV2,MobileNetV2"),
    )

    printed = json.loads(result.stdout)
    random, pretrained = printed["backbones"]
    assert random["accuracy"] < pretrained["accuracy"]
    assert printed["recommended"] == {"name": "MobileNetV2", "weights": "embedded"}
    gap = printed["domain_gap"]
    assert gap["pretrained_accuracy"] == pretrained["accuracy"]
    assert gap["gain"] == gap["pretrained_accuracy"] - gap["random_accuracy"]
    assert gap["pretraining_helps"]
    assert gap["note"].endswith("Pretraining helps.")


def test_compare_takes_weights_from_the_weight_cache(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARMSTART_WEIGHTS_CACHE", "gone")
    file = tmp_path / imagenet_file("VGG16")
    file.write_bytes(b"no weights")

    result = invoke(
        "compare", "--data", photos, "--backbones=VGG16", "--weights-cache", tmp_path, "--json"
    )

    assert result.exit_code == 1
    (tried,) = json.loads(result.stdout)["backbones"]
    assert tried["error"].startswith(f"{file} is damaged or another file: its MD5 is ")
