"""What a SavedModel can be asked, and what it answers, read without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from review.files import ArtifactFiles
from review.messages import read_message
from review.protos import SavedModel
from review.records import Artifact

_FILE = "saved_model.pb"
# What TensorFlow itself puts beside those of the model.
_OWN = "__"


@dataclass(frozen=True)
class Tensor:
    """A tensor that goes into or comes out of a signature.

    Attributes:
        name: of the input or output.
        dtype: TensorFlow's name, such as `float32`.
        shape: None for a dimension that is open, and as a whole where it is not known.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Signature:
    """A function of a SavedModel that can be called from outside.

    Attributes:
        name: of the signature.
        inputs: by name.
        outputs: by name.
    """

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def signatures_in(files: ArtifactFiles, model: Artifact) -> list[Signature]:
    """Returns the signatures of a Model or PushedModel artifact, by name; none if it is broken."""
    names = [f.name for f in files.listing(model) if f.name.rpartition("/")[2] == _FILE]
    # The one that is nearest: a model may come with others, such as one for evaluation.
    for name in sorted(names, key=lambda name: (name.count("/"), name))[:1]:
        message = read_message(files, model, name, SavedModel)
        for graph in message.meta_graphs[:1] if message else ():
            return [
                Signature(name, _tensors(signature.inputs), _tensors(signature.outputs))
                for name, signature in sorted(graph.signature_def.items())
                if not name.startswith(_OWN)
            ]
    return []


def _tensors(tensors: Any) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(name, _dtype(tensor.dtype), _shape(tensor.tensor_shape))
        for name, tensor in sorted(tensors.items())
    )


def _shape(shape: Any) -> tuple[int | None, ...] | None:
    if shape.unknown_rank:
        return None
    return tuple(dim.size if dim.size >= 0 else None for dim in shape.dim)


def _dtype(number: int) -> str:
    from tensorboard.compat.proto import types_pb2  # noqa: PLC0415 (only for names of types)

    types = types_pb2.DataType
    name = str(types.Name(number)) if number in types.values() else f"type {number}"
    return _TENSORFLOW_NAMES.get(name, name.removeprefix("DT_").lower())


# Where TensorFlow's name in Python is another than in its messages.
_TENSORFLOW_NAMES = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16"}
