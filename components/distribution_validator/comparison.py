"""Compares the statistics of two sets of photos, and words what differs."""

from __future__ import annotations

from typing import Any

# Before TFDV, see there.
from components.statistics_gen.split_statistics import SplitStatistics  # isort: skip
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.distribution_validator.chance import classes_differ, numbers_differ
from schemas import features
from schemas.errors import printable, shortened_list, written
from schemas.image_example import NUMERIC_FEATURES, image_example_schema

Anomaly = anomalies_pb2.AnomalyInfo
NEW_CLASS = Anomaly.ENUM_TYPE_UNEXPECTED_STRING_VALUES
VANISHED_CLASS = Anomaly.COMPARATOR_TREATMENT_DATA_MISSING
FAR = Anomaly.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH

# Nothing is further away, in bits.
_NO_THRESHOLD = 1.0

_UNITS = {features.WIDTH: " pixels", features.HEIGHT: " pixels", features.FILE_SIZE: " bytes"}
_NAMES = {features.EVAL: "evaluation photos", features.TEST: "test photos"}

# Between them there may have been runs on the same photos.
_PREVIOUS = "the latest run on other photos"


def skew(
    split: str, current: SplitStatistics, training: SplitStatistics, max_distance: float
) -> anomalies_pb2.Anomalies:
    """Compares the photos of another split with those for training.

    Classes that only one of them has are not looked for: ExampleValidator does.

    Args:
        split: `eval` or `test`.
        current: its statistics.
        training: those of the training photos.
        max_distance: Jensen-Shannon divergence above which a difference that is not chance
            is an anomaly, 0 to 1.

    Returns:
        What TFDV found, each with a sentence as its description.
    """
    name = _NAMES[split]
    anomalies = _compared(current, training, max_distance)
    for feature, reason in _reasons(anomalies):
        reason.short_description = "Skew"
        reason.description = (
            f"{_title(feature)} of the {name} differs from that of the training photos: "
            f"{_difference(feature, current, training)} "
            f"({_distance(anomalies, feature)}, above statistics.skew.max_distance = "
            f"{max_distance:g}). "
            + (
                "Divide the photos anew if they should be alike, or raise the threshold."
                if feature == features.LABEL
                else "Another camera, light or size? Then put photos of both kinds into both "
                "splits, or raise the threshold."
            )
        )
    return _worded(anomalies)


def drift(
    current: SplitStatistics, previous: SplitStatistics, max_distance: float
) -> anomalies_pb2.Anomalies:
    """Compares the training photos with those of a previous run, and the classes, too.

    Most photos are usually in both, so that chance makes less of a difference than it is given.

    Args:
        current: statistics of this run's.
        previous: those of the previous run's.
        max_distance: as in `skew`.
    """
    anomalies = _compared(current, previous, max_distance)
    for feature, reason in _reasons(anomalies):
        reason.short_description = "Drift"
        reason.description = (
            f"{_title(feature)} of the training photos has drifted since {_PREVIOUS}: "
            f"{_difference(feature, current, previous)} "
            f"({_distance(anomalies, feature)}, above statistics.drift.max_distance = "
            f"{max_distance:g}). "
            "Look at the photos that came or went since; if they are right, nothing is to be done."
        )
    new = sorted(current.classes.keys() - previous.classes.keys())
    vanished = sorted(previous.classes.keys() - current.classes.keys())
    if new:
        _add(
            anomalies,
            NEW_CLASS,
            "New class",
            f"{_counted(new, current)} new since {_PREVIOUS}. A misspelt folder? Rename it; else "
            "nothing is to be done, but models pushed before do not know "
            f"{'it' if len(new) == 1 else 'them'}.",
        )
    if vanished:
        _add(
            anomalies,
            VANISHED_CLASS,
            "Vanished class",
            f"{_counted(vanished, previous)} missing, which {_PREVIOUS} had. Put the photos back "
            "unless that is meant: the new model never says "
            f"{'it' if len(vanished) == 1 else 'them'}.",
        )
    return _worded(anomalies)


def _compared(
    current: SplitStatistics, baseline: SplitStatistics, max_distance: float
) -> anomalies_pb2.Anomalies:
    """Lets TFDV measure every feature; a difference that chance makes is no anomaly."""
    schema = image_example_schema()
    photos = (current.photos, baseline.photos)
    for feature in schema.feature:
        if feature.name in NUMERIC_FEATURES:
            quantiles = (current.quantiles(feature.name), baseline.quantiles(feature.name))
            significant = numbers_differ(*quantiles, photos)
        elif feature.name == features.LABEL:
            significant = classes_differ(current.classes, baseline.classes)
        else:
            continue
        threshold = max_distance if significant else _NO_THRESHOLD
        feature.drift_comparator.jensen_shannon_divergence.threshold = threshold
    anomalies = tfdv.validate_statistics(current.proto, schema, previous_statistics=baseline.proto)
    # What contradicts the schema is ExampleValidator's to say.
    for info in anomalies.anomaly_info.values():
        kept = [reason for reason in info.reason if reason.type == FAR]
        del info.reason[:]
        info.reason.extend(kept)
    return anomalies


def _reasons(anomalies: anomalies_pb2.Anomalies) -> list[tuple[str, Any]]:
    return [(f, reason) for f, info in anomalies.anomaly_info.items() for reason in info.reason]


def _add(anomalies: anomalies_pb2.Anomalies, kind: int, title: str, sentence: str) -> None:
    info = anomalies.anomaly_info[features.LABEL]
    info.path.step[:] = [features.LABEL]
    info.severity = Anomaly.ERROR
    info.reason.add(type=kind, short_description=title, description=sentence)


def _worded(anomalies: anomalies_pb2.Anomalies) -> anomalies_pb2.Anomalies:
    """Brings what TFDV says of each feature as a whole in line with its reasons."""
    anomalies.ClearField("baseline")
    for feature in list(anomalies.anomaly_info):
        info = anomalies.anomaly_info[feature]
        if not info.reason:
            del anomalies.anomaly_info[feature]
            continue
        info.severity = Anomaly.WARNING
        info.short_description = ", ".join(reason.short_description for reason in info.reason)
        info.description = " ".join(reason.description for reason in info.reason)
    return anomalies


def _distance(anomalies: anomalies_pb2.Anomalies, feature: str) -> str:
    for compared in anomalies.drift_skew_info:
        if list(compared.path.step) == [feature]:
            return f"Jensen-Shannon divergence {compared.drift_measurements[0].value:.2f}"
    raise LookupError(f"TFDV reported {feature} without a distance.")


def _difference(feature: str, current: SplitStatistics, baseline: SplitStatistics) -> str:
    if feature == features.LABEL:
        return _share(current, baseline)
    return f"median {_words(feature, current)}, not {_words(feature, baseline)}"


def _words(feature: str, statistics: SplitStatistics) -> str:
    summary = statistics.summary(feature)
    least, most = written(summary.minimum), written(summary.maximum)
    return f"{written(summary.median)} ({least} to {most}{_UNITS.get(feature, '')})"


def _title(feature: str) -> str:
    return feature.replace("_", " ").capitalize()


def _share(current: SplitStatistics, baseline: SplitStatistics) -> str:
    """Names the class whose share changed most."""

    def shares(of: SplitStatistics) -> dict[str, float]:
        return {label: count / of.photos for label, count in of.classes.items()}

    now, then = shares(current), shares(baseline)
    changes = {label: now.get(label, 0) - then.get(label, 0) for label in sorted({*now, *then})}
    label = max(changes, key=lambda name: abs(changes[name]))
    return f"{now.get(label, 0):.0%} are {printable(label)}, not {then.get(label, 0):.0%}"


def _counted(labels: list[str], statistics: SplitStatistics) -> str:
    """Returns the subject of a sentence with its verb."""
    names = [
        f"{printable(label)} ({n} training photo{'s' * (n != 1)})"
        for label in labels
        for n in [statistics.classes[label]]
    ]
    classes = "Class" if len(labels) == 1 else "Classes"
    return f"{classes} {shortened_list(names)} {'is' if len(labels) == 1 else 'are'}"
