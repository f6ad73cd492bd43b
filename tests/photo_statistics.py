"""Statistics of made-up photos, computed by TFDV as StatisticsGen does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from components.statistics_gen.split_statistics import SplitStatistics, stats_options  # isort: skip
import pyarrow as pa
from tensorflow_data_validation.statistics import stats_impl

from schemas import features

INTEGERS = (features.WIDTH, features.HEIGHT, features.CHANNELS, features.FILE_SIZE)

# What there is to say of an ordinary photo.
PHOTO: dict[str, Any] = {
    features.IMAGE: b"\xff\xd8\xff",
    features.LABEL: "cat",
    features.WIDTH: 400,
    features.HEIGHT: 300,
    features.ASPECT: 4 / 3,
    features.CHANNELS: 3,
    features.BRIGHTNESS: 0.5,
    features.CONTRAST: 0.2,
    features.SHARPNESS: 0.01,
    features.FILE_SIZE: 20_000,
}


def statistics_of(photos: Iterable[dict[str, Any]]) -> SplitStatistics:
    """Returns the statistics of photos; a value that is None is missing."""
    photos = list(photos)
    columns = {}
    for name in PHOTO:
        kind = pa.int64() if name in INTEGERS else pa.float32()
        if name in {features.IMAGE, features.LABEL}:
            kind = pa.binary()
        values = [photo[name] for photo in photos]
        values = [v.encode() if isinstance(v, str) else v for v in values]
        columns[name] = pa.array([None if v is None else [v] for v in values], pa.list_(kind))
    batch = pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
    return SplitStatistics(stats_impl.generate_statistics_in_memory(batch, stats_options()))


def photos_of(count: int, **values: Any) -> list[dict[str, Any]]:
    """Returns photos that are equal but for the values given."""
    return [PHOTO | values for _ in range(count)]
