"""The formats a model can be exported to; needs no TensorFlow: mistakes answer at once."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.errors import ConfigError, printable

NONE = "none"
FLOAT16 = "float16"
INT8 = "int8"


@dataclass(frozen=True)
class ExportFormat:
    """A format.

    Attributes:
        name: as the user names it.
        suffix: of its files; Keras tells formats by it.
        module: of this package that writes and runs it.
        quantizations: how its weights can be stored.
        packages: that it needs beyond the base installation.
    """

    name: str
    suffix: str
    module: str
    quantizations: tuple[str, ...] = (NONE,)
    packages: tuple[str, ...] = ()


FORMATS = {
    kind.name: kind
    for kind in (
        ExportFormat("tflite", ".tflite", "tflite_file", (NONE, FLOAT16, INT8)),
        ExportFormat("onnx", ".onnx", "onnx_file", packages=("onnx", "onnxruntime", "tf2onnx")),
        ExportFormat("keras", ".keras", "keras_file"),
    )
}


def find_format(name: str, quantization: str) -> ExportFormat:
    """Returns a format that is wanted with a quantization.

    Raises:
        ConfigError: if there is no such format, it cannot be quantized like this, or packages
            that it needs are not installed.
    """
    kind = FORMATS.get(name)
    if kind is None:
        raise ConfigError(
            f"--format {printable(name)}: there is no such format; use {_either(FORMATS)}."
        )
    if quantization not in kind.quantizations:
        fitting = [f.name for f in FORMATS.values() if quantization in f.quantizations]
        hint = f"--format {fitting[0]}, or " if fitting else ""
        raise ConfigError(
            f"--quantize {printable(quantization)}: {name} has no such quantization; use "
            f"{hint}--quantize {_either(kind.quantizations)}."
        )
    missing = [package for package in kind.packages if importlib.util.find_spec(package) is None]
    if missing:
        raise ConfigError(
            f"--format {name} needs {', '.join(missing)}, not installed here; run "
            "`pip install 'warmstart[export]'`."
        )
    return kind


def _either(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
