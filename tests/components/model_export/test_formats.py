"""Tests of what the user may ask of an export."""

from __future__ import annotations

import importlib.util

import pytest

from components.model_export.formats import FORMATS, find_format
from schemas.errors import ConfigError


@pytest.mark.parametrize("quantization", ["none", "float16", "int8"])
def test_tflite_has_every_quantization(quantization: str) -> None:
    assert find_format("tflite", quantization) is FORMATS["tflite"]


@pytest.mark.parametrize(
    ("name", "quantization", "sentence"),
    [
        (
            "coreml",
            "none",
            "--format coreml: there is no such format; use tflite, onnx or keras.",
        ),
        (
            "keras",
            "int8",
            "--quantize int8: keras has no such quantization; use --format tflite, or --quantize "
            "none.",
        ),
        (
            "tflite",
            "int4",
            "--quantize int4: tflite has no such quantization; use --quantize none, float16 or "
            "int8.",
        ),
    ],
)
def test_what_there_is_not_is_one_sentence(name: str, quantization: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        find_format(name, quantization)

    assert str(raised.value) == sentence


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name in {"onnxruntime", "tf2onnx"} else found("json"),
    )

    with pytest.raises(ConfigError) as raised:
        find_format("onnx", "none")

    assert str(raised.value) == (
        "--format onnx needs onnxruntime, tf2onnx, not installed here; run "
        "`pip install 'warmstart[export]'`."
    )
