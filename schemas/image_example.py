"""The TF Metadata schema of an image example, used to compute its statistics."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import schema_pb2

from schemas import features

# Computed over these only: the path and the split key differ in every photo, by design.
STATISTICS_FEATURES = (
    features.IMAGE,
    features.LABEL,
    features.WIDTH,
    features.HEIGHT,
    features.ASPECT,
    features.CHANNELS,
    features.BRIGHTNESS,
    features.CONTRAST,
    features.SHARPNESS,
    features.FILE_SIZE,
)


def image_example_schema() -> schema_pb2.Schema:
    """Returns the schema under which TFDV computes statistics of image examples.

    The image carries an `image_domain`: TFDV then records the sizes of the encoded photos
    instead of counting their bytes as categories, which floods memory and report.
    """
    schema = schema_pb2.Schema()
    schema.feature.add(
        name=features.IMAGE, type=schema_pb2.BYTES, image_domain=schema_pb2.ImageDomain()
    )
    schema.feature.add(name=features.LABEL, type=schema_pb2.BYTES)
    for name in (features.WIDTH, features.HEIGHT, features.CHANNELS, features.FILE_SIZE):
        schema.feature.add(name=name, type=schema_pb2.INT)
    for name in (features.ASPECT, features.BRIGHTNESS, features.CONTRAST, features.SHARPNESS):
        schema.feature.add(name=name, type=schema_pb2.FLOAT)
    return schema
