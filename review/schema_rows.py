"""Schemas of examples as rows: what SchemaGen made, and what goes into and out of Transform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from review.files import ArtifactFiles
from review.messages import as_text, read_text_message
from review.records import Artifact

_SCHEMA_FILE = "schema.pbtxt"
_RAW_FILE = "metadata/schema.pbtxt"
_TRANSFORMED_FILE = "transformed_metadata/schema.pbtxt"


@dataclass(frozen=True)
class SchemaRow:
    """What a schema says of a feature.

    Attributes:
        name: of the feature.
        dtype: `BYTES`, `INT` or `FLOAT`; empty if it does not say.
        shape: of one example; None where it has no fixed one, and for a dimension that is open.
        required: whether every example has it.
        domain: which values are right, in words; empty if all are.
        values: the texts that are right, such as the classes; none if that is not said.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None
    required: bool
    domain: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class TransformSchemas:
    """What goes into Transform's graph, and what comes out.

    Attributes:
        raw: features that it can be given.
        transformed: features that it makes of them.
    """

    raw: tuple[SchemaRow, ...]
    transformed: tuple[SchemaRow, ...]


def schema_in(files: ArtifactFiles, schema: Artifact) -> tuple[SchemaRow, ...] | None:
    """Returns what stands in a Schema artifact, or None."""
    return _rows(files, schema, _SCHEMA_FILE)


def transform_in(files: ArtifactFiles, graph: Artifact) -> TransformSchemas | None:
    """Returns what stands in a TransformGraph artifact, or None."""
    raw = _rows(files, graph, _RAW_FILE)
    transformed = _rows(files, graph, _TRANSFORMED_FILE)
    return TransformSchemas(raw, transformed) if raw is not None and transformed else None


def _rows(files: ArtifactFiles, artifact: Artifact, name: str) -> tuple[SchemaRow, ...] | None:
    schema = read_text_message(files, artifact, name, schema_pb2.Schema)
    if schema is None:
        return None
    shared = {as_text(domain.name): _values(domain) for domain in schema.string_domain}
    return tuple(_row(feature, shared) for feature in schema.feature)


def _row(feature: Any, shared: dict[str, tuple[str, ...]]) -> SchemaRow:
    kind = feature.WhichOneof("domain_info")
    values: tuple[str, ...] = ()
    if kind == "domain":
        values = shared.get(as_text(feature.domain), ())
    elif kind == "string_domain":
        values = _values(feature.string_domain)
    return SchemaRow(
        name=as_text(feature.name),
        dtype=schema_pb2.FeatureType.Name(feature.type) if feature.type else "",
        shape=_shape(feature),
        required=feature.presence.min_fraction >= 1,
        domain=_domain(feature, kind, values),
        values=values,
    )


def _values(domain: Any) -> tuple[str, ...]:
    return tuple(map(as_text, domain.value))


def _shape(feature: Any) -> tuple[int | None, ...] | None:
    if not feature.HasField("shape"):
        return None
    return tuple(dim.size if dim.size > 0 else None for dim in feature.shape.dim)


def _domain(feature: Any, kind: str | None, values: tuple[str, ...]) -> str:
    if values:
        return f"one of {len(values)} values"
    if kind in {"int_domain", "float_domain"}:
        domain = getattr(feature, kind)
        low = f"{domain.min:g}" if domain.HasField("min") else ""
        high = f"{domain.max:g}" if domain.HasField("max") else ""
        if low and high:
            return f"{low} to {high}"
        return f"{low} or more" if low else f"{high} or less" if high else ""
    return "" if kind in {None, "domain"} else str(kind).removesuffix("_domain")
