"""Tests of where Keras keeps the weights that it downloads, against Keras itself."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import keras
import pytest
from keras.src.backend import config
from keras.src.utils import file_utils

from components.backbone.cache import cached_weights, imagenet_file, keras_models_folder
from components.backbone.registry import BACKBONES

# One of each way to make the name, of those that are quick to build.
QUICK = ["MobileNet", "MobileNetV2", "MobileNetV3Small", "ConvNeXtTiny", "ResNet50V2", "VGG16"]


class AskedForError(Exception):
    """Raised instead of a download."""


def file_that_keras_asks_for(
    name: str, monkeypatch: pytest.MonkeyPatch, size: int | None = None
) -> str:
    """Builds a backbone up to the point where Keras would download its weights."""

    def get_file(fname: str, *_: object, cache_subdir: str, **__: object) -> NoReturn:
        raise AskedForError(f"{cache_subdir}/{fname}")

    monkeypatch.setattr(file_utils, "get_file", get_file)
    size = size or BACKBONES[name].image_size
    with pytest.raises(AskedForError) as asked, keras.StatelessScope():
        getattr(keras.applications, name)(
            include_top=False, pooling="avg", input_shape=(size, size, 3), weights="imagenet"
        )
    keras.backend.clear_session()
    return str(asked.value)


@pytest.mark.parametrize("name", QUICK)
def test_file_is_the_one_that_keras_asks_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert file_that_keras_asks_for(name, monkeypatch) == f"models/{imagenet_file(name)}"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BACKBONES.keys() - set(QUICK)))
def test_every_other_file_is_the_one_that_keras_asks_for(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert file_that_keras_asks_for(name, monkeypatch) == f"models/{imagenet_file(name)}"


@pytest.mark.filterwarnings("ignore:`input_shape` is undefined:UserWarning")
@pytest.mark.parametrize(
    ("name", "size"), [("MobileNet", 128), ("MobileNetV2", 96), ("MobileNet", 96), ("VGG16", 128)]
)
def test_file_of_another_size_is_the_one_that_keras_asks_for(
    name: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        file_that_keras_asks_for(name, monkeypatch, size) == f"models/{imagenet_file(name, size)}"
    )


def test_no_two_backbones_share_a_file() -> None:
    assert len({imagenet_file(name) for name in BACKBONES}) == len(BACKBONES)


def test_only_files_that_are_there_are_at_hand(tmp_path: Path) -> None:
    for name in ("ResNet50", "EfficientNetV2S"):
        (tmp_path / imagenet_file(name)).touch()
    (tmp_path / imagenet_file("VGG16")).mkdir()
    (tmp_path / "resnet101_weights_tf_dim_ordering_tf_kernels.h5").touch()  # With its top.

    assert cached_weights(tmp_path) == {
        "EfficientNetV2S": tmp_path / "efficientnetv2-s_notop.h5",
        "ResNet50": tmp_path / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    }


def test_folder_that_is_missing_holds_nothing(tmp_path: Path) -> None:
    assert cached_weights(tmp_path / "missing") == {}


def test_folder_is_the_one_of_keras() -> None:
    assert keras_models_folder() == Path(config.keras_home()).expanduser() / "models"


@pytest.mark.parametrize("home", ["{}", "~/{}"], ids=["absolute", "in the home folder"])
def test_folder_follows_keras_home(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", home.format(tmp_path if home == "{}" else "cache"))

    expected = tmp_path if home == "{}" else tmp_path / "cache"
    assert keras_models_folder() == expected / "models"


def test_folder_without_keras_home_is_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME", raising=False)

    assert keras_models_folder() == tmp_path / ".keras" / "models"
