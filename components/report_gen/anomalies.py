"""Reads the statistics of a run, and words what TFX's validators found odd about them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.example_validator.executor import DEFAULT_FILE_NAME
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.distribution_validator.comparison import FAR, NEW_CLASS, VANISHED_CLASS
from components.distribution_validator.executor import DRIFT_PAIR, anomalies_file
from components.statistics_gen.split_statistics import SplitStatistics
from schemas import features
from schemas.errors import printable, shortened_list, written
from schemas.image_example import NUMERIC_FEATURES, bounds

_OUT_OF_RANGE = {
    anomalies_pb2.AnomalyInfo.INT_TYPE_SMALL_INT,
    anomalies_pb2.AnomalyInfo.INT_TYPE_BIG_INT,
    anomalies_pb2.AnomalyInfo.FLOAT_TYPE_SMALL_FLOAT,
    anomalies_pb2.AnomalyInfo.FLOAT_TYPE_BIG_FLOAT,
}
_PHOTOS = {
    features.TRAIN: "training photos",
    features.EVAL: "evaluation photos",
    features.TEST: "test photos",
}


def read_statistics(statistics: Any) -> dict[str, dict[str, list[float]]]:
    """Returns smallest value, median and largest value by numeric feature, then by split.

    Args:
        statistics: StatisticsGen's artifact, in ML Metadata's own form.
    """
    splits = _statistics(statistics)
    table: dict[str, dict[str, list[float]]] = {}
    for feature in NUMERIC_FEATURES:
        summaries = {split: of.summary(feature) for split, of in splits.items()}
        table[feature] = {s: [v.minimum, v.median, v.maximum] for s, v in summaries.items()}
    return table


def read_anomalies(
    statistics: Any, schema_anomalies: Any, distribution_anomalies: Any
) -> list[dict[str, Any]]:
    """Returns what is odd about the statistics, by split and feature.

    Args:
        statistics: StatisticsGen's artifact, in ML Metadata's own form.
        schema_anomalies: ExampleValidator's.
        distribution_anomalies: DistributionValidator's.

    Returns:
        Of each: `kind`: `new_class`, `vanished_class`, `out_of_range`, `schema` (any other
        contradiction of the schema), `skew` or `drift`; `feature`; `split`; `sentence`;
        for `skew` and `drift` also `distance` and `threshold`, Jensen-Shannon divergence.
    """
    splits = _statistics(statistics)
    found: list[dict[str, Any]] = []
    for split in _split_names(schema_anomalies):
        file = os.path.join(schema_anomalies.uri, f"Split-{split}", DEFAULT_FILE_NAME)
        found += schema_findings(_read(file), split, splits)
    for pair in _split_names(distribution_anomalies):
        file = anomalies_file(distribution_anomalies.uri, pair)
        found += distribution_findings(_read(file), pair)
    return found


def schema_findings(
    anomalies: anomalies_pb2.Anomalies, split: str, statistics: dict[str, SplitStatistics]
) -> Iterator[dict[str, Any]]:
    """Words where one split contradicts the schema.

    Args:
        anomalies: from ExampleValidator.
        split: whose.
        statistics: of all splits.
    """
    others: dict[str, list[str]] = {}
    for feature, reason in _reasons(anomalies):
        worded = _worded(feature, reason.type, split, statistics)
        if worded:
            kind, sentence = worded
            yield {"kind": kind, "feature": feature, "split": split, "sentence": sentence}
        else:
            others.setdefault(feature, []).append(reason.description.rstrip(". "))
    for feature, reasons in others.items():
        sentence = (
            f"{feature} of the {_photos(split)} contradicts the schema ({'; '.join(reasons)}): "
            "look for damaged files, and report it if there are none."
        )
        yield {"kind": "schema", "feature": feature, "split": split, "sentence": sentence}


def distribution_findings(
    anomalies: anomalies_pb2.Anomalies, pair: str
) -> Iterator[dict[str, Any]]:
    """Takes over what DistributionValidator worded.

    Args:
        anomalies: from it.
        pair: `split_split of the baseline`.
    """
    measured = {
        info.path.step[0]: info.drift_measurements[0]
        for info in anomalies.drift_skew_info
        if info.drift_measurements
    }
    kinds = {
        FAR: "drift" if pair == DRIFT_PAIR else "skew",
        NEW_CLASS: "new_class",
        VANISHED_CLASS: "vanished_class",
    }
    for feature, reason in _reasons(anomalies):
        finding = {
            "kind": kinds[reason.type],
            "feature": feature,
            "split": pair.partition("_")[0],
            "sentence": reason.description,
        }
        if reason.type == FAR:
            finding["distance"] = measured[feature].value
            finding["threshold"] = measured[feature].threshold
        yield finding


def _photos(split: str) -> str:
    return _PHOTOS.get(split, f"{split} photos")


def _worded(
    feature: str, reason: int, split: str, statistics: dict[str, SplitStatistics]
) -> tuple[str, str] | None:
    """Returns kind and sentence of a contradiction that photos are known to have."""
    photos = _photos(split)
    of_split = statistics[split]
    if reason == NEW_CLASS and feature == features.LABEL:
        known = statistics[features.TRAIN].classes
        names = [
            f"{printable(label)} ({count})"
            for label, count in of_split.classes.items()
            if label not in known
        ]
        return "new_class", (
            f"{photos.capitalize()} are of classes that no training photo has, so that the model "
            f"never recognises them: {shortened_list(names)}. Add training photos of them, or "
            "correct their labels."
        )
    if reason in _OUT_OF_RANGE:
        summary = of_split.summary(feature)
        least, most = bounds(feature)
        allowed = f"{least:g} or more" if most is None else f"{least:g} to {most:g}"
        return "out_of_range", (
            f"{feature} of the {photos} is {written(summary.minimum)} to "
            f"{written(summary.maximum)}, but {allowed} in any photo: look for damaged files, and "
            "report it if there are none."
        )
    return None


def _reasons(anomalies: anomalies_pb2.Anomalies) -> list[tuple[str, Any]]:
    """Returns every reason with its feature, in the order in which people look at features."""
    order = {name: place for place, name in enumerate((features.LABEL, *NUMERIC_FEATURES))}
    found = [
        (".".join(info.path.step) or key, reason)
        for key, info in anomalies.anomaly_info.items()
        for reason in info.reason
    ]
    return sorted(found, key=lambda each: (order.get(each[0], len(order)), each[0]))


def _statistics(artifact: Any) -> dict[str, SplitStatistics]:
    return {split: SplitStatistics.read(artifact.uri, split) for split in _split_names(artifact)}


def _split_names(artifact: Any) -> list[str]:
    names: list[str] = artifact_utils.decode_split_names(
        artifact.properties["split_names"].string_value
    )
    return names


def _read(file: str) -> anomalies_pb2.Anomalies:
    anomalies = anomalies_pb2.Anomalies()
    anomalies.ParseFromString(io_utils.read_bytes_file(file))
    return anomalies
