"""Tests of the schema that is written for a data set."""

from __future__ import annotations

from pathlib import Path

from photo_statistics import photos_of, statistics_of
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components.schema_gen.executor import Executor
from schemas.image_example import image_example_schema


def test_schema_is_the_curated_one_with_the_classes_of_the_training_photos(
    tmp_path: Path,
) -> None:
    statistics, schema = standard_artifacts.ExampleStatistics(), standard_artifacts.Schema()
    statistics.uri, schema.uri = str(tmp_path), str(tmp_path / "schema")
    for split, labels in {"train": ("dog", "cat"), "eval": ("ox",)}.items():
        photos = [photo for label in labels for photo in photos_of(2, label=label)]
        (tmp_path / f"Split-{split}").mkdir()
        content = statistics_of(photos).proto.SerializeToString()
        (tmp_path / f"Split-{split}" / "FeatureStats.pb").write_bytes(content)

    Executor().Do({"statistics": [statistics]}, {"schema": [schema]}, {})
    read = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema.uri))

    assert read == image_example_schema(["cat", "dog"])
    assert list(read.string_domain[0].value) == ["cat", "dog"]
