"""The curated TF Metadata schema of an image example: what holds for any photo.

Only the domain of the label depends on the data: it is the classes that training knows, which
`components.schema_gen` adds. The path and the split key have no place here: they differ in every
photo, by design, so no statistics are computed of them, and nothing after ImageExampleGen reads
them.
"""

from __future__ import annotations

from collections.abc import Iterable

from tensorflow_metadata.proto.v0 import schema_pb2

from schemas import features

# Smallest and largest value, None where there is no bound; what each measures: `schemas.features`.
_INT_DOMAINS: dict[str, tuple[int, int | None]] = {
    features.WIDTH: (1, None),
    features.HEIGHT: (1, None),
    features.CHANNELS: (1, 4),
    features.FILE_SIZE: (1, None),
}
_FLOAT_DOMAINS: dict[str, tuple[float, float | None]] = {
    features.ASPECT: (0.0, None),
    features.BRIGHTNESS: (0.0, 1.0),
    # No standard deviation in [0, 1] is larger: half of the pixels black, half white.
    features.CONTRAST: (0.0, 0.5),
    features.SHARPNESS: (0.0, None),
}

# In the order in which people look at them.
NUMERIC_FEATURES = (
    features.WIDTH,
    features.HEIGHT,
    features.ASPECT,
    features.CHANNELS,
    features.BRIGHTNESS,
    features.CONTRAST,
    features.SHARPNESS,
    features.FILE_SIZE,
)
STATISTICS_FEATURES = (features.IMAGE, features.LABEL, *NUMERIC_FEATURES)


def image_example_schema(labels: Iterable[str] = ()) -> schema_pb2.Schema:
    """Returns the schema: every feature has exactly one value in every photo, in its domain.

    The image carries an `image_domain`: TFDV then records the sizes of the encoded photos
    instead of counting their bytes as categories, which floods memory and report.

    Args:
        labels: the classes that training knows; none: any class is right.
    """
    schema = schema_pb2.Schema()
    image = _required(schema, features.IMAGE, schema_pb2.BYTES)
    image.image_domain.SetInParent()
    label = _required(schema, features.LABEL, schema_pb2.BYTES)
    known = sorted(labels)
    if known:
        label.domain = features.LABEL
        schema.string_domain.add(name=features.LABEL, value=known)
    for name in NUMERIC_FEATURES:
        if name in _INT_DOMAINS:
            least, most = _INT_DOMAINS[name]
            domain = schema_pb2.IntDomain(min=least, max=most)
            _required(schema, name, schema_pb2.INT).int_domain.CopyFrom(domain)
        else:
            low, high = _FLOAT_DOMAINS[name]
            span = schema_pb2.FloatDomain(min=low, max=high, disallow_nan=True, disallow_inf=True)
            _required(schema, name, schema_pb2.FLOAT).float_domain.CopyFrom(span)
    return schema


def bounds(feature: str) -> tuple[float, float | None]:
    """Returns the smallest and the largest value of a numeric feature; None: no bound."""
    return _INT_DOMAINS.get(feature) or _FLOAT_DOMAINS[feature]


def _required(
    schema: schema_pb2.Schema, name: str, kind: schema_pb2.FeatureType.ValueType
) -> schema_pb2.Feature:
    """Adds a feature with one value in each photo: Transform then reads a dense tensor."""
    feature = schema.feature.add(name=name, type=kind)
    feature.presence.min_fraction = 1.0
    feature.presence.min_count = 1
    feature.shape.dim.add(size=1)
    return feature
