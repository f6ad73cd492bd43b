"""TensorFlow's messages that are read here, declared anew: its own come with all of TensorFlow.

In a pool of their own, so that TensorFlow may be imported into the same process. What is not
declared, such as a SavedModel's graph, is passed over.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "tensorflow"

# By message: name, number and type of each field. A type of another message is its name; one that
# ends with `[]` is repeated, and `{}` is a map from text.
_MESSAGES: dict[str, tuple[tuple[str, int, str], ...]] = {
    # tensorflow/core/example
    "BytesList": (("value", 1, "bytes[]"),),
    "FloatList": (("value", 1, "float[]"),),
    "Int64List": (("value", 1, "int64[]"),),
    "Feature": (
        ("bytes_list", 1, "BytesList"),
        ("float_list", 2, "FloatList"),
        ("int64_list", 3, "Int64List"),
    ),
    "Features": (("feature", 1, "Feature{}"),),
    "Example": (("features", 1, "Features"),),
    # tensorflow/core/protobuf/saved_model.proto and meta_graph.proto
    "Dim": (("size", 1, "int64"),),
    "TensorShape": (("dim", 2, "Dim[]"), ("unknown_rank", 3, "bool")),
    "TensorInfo": (
        ("name", 1, "string"),
        ("dtype", 2, "int32"),
        ("tensor_shape", 3, "TensorShape"),
    ),
    "SignatureDef": (("inputs", 1, "TensorInfo{}"), ("outputs", 2, "TensorInfo{}")),
    "MetaGraph": (("signature_def", 5, "SignatureDef{}"),),
    "SavedModel": (("meta_graphs", 2, "MetaGraph[]"),),
}

_PLAIN = {
    "bytes": _Field.TYPE_BYTES,
    "string": _Field.TYPE_STRING,
    "float": _Field.TYPE_FLOAT,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "bool": _Field.TYPE_BOOL,
}


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="warmstart/tensorflow.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            _declare(message, field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


def _declare(message: Any, name: str, number: int, kind: str) -> None:
    base = kind.rstrip("[]{}")
    label = _Field.LABEL_OPTIONAL if kind == base else _Field.LABEL_REPEATED
    field = message.field.add(name=name, number=number, label=label)
    if kind.endswith("{}"):
        entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _declare(entry, "key", 1, "string")
        _declare(entry, "value", 2, base)
        base = f"{message.name}.{entry.name}"
    if base in _PLAIN:
        field.type = _PLAIN[base]
    else:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{base}"


_CLASSES = _classes()
Example: Any = _CLASSES["Example"]
SavedModel: Any = _CLASSES["SavedModel"]
