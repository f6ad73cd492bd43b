"""What ExampleValidator and DistributionValidator found odd, as plain data, without TFDV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2

from review.files import ArtifactFiles
from review.messages import as_text, dotted, read_message
from review.records import Artifact

_PREFIXES = ("SplitPair-", "Split-")
_FILE = "/SchemaDiff.pb"


@dataclass(frozen=True)
class Anomaly:
    """A contradiction of the schema, or a difference between two splits.

    Attributes:
        split: that has it; of a pair, `split_split that it is compared with`.
        feature: that it is in, with dots between the steps of its path.
        kind: TFDV's name for it, such as `ENUM_TYPE_UNEXPECTED_STRING_VALUES`.
        short: what it is, in some words.
        text: what it is, in a sentence.
    """

    split: str
    feature: str
    kind: str
    short: str
    text: str


@dataclass(frozen=True)
class Distance:
    """How far the values of a feature are apart in two splits.

    Attributes:
        pair: `split_split that it is compared with`.
        feature: with dots between the steps of its path.
        value: Jensen-Shannon divergence or L-infinity norm, 0 to 1.
        threshold: above which it counts, unless chance explains it.
    """

    pair: str
    feature: str
    value: float
    threshold: float


def anomalies_in(files: ArtifactFiles, anomalies: Artifact) -> list[Anomaly]:
    """Returns what stands in an ExampleAnomalies artifact; nothing odd is an empty list, too."""
    return [
        Anomaly(
            split,
            dotted(info.path) or feature,
            _kind(reason.type),
            as_text(reason.short_description),
            as_text(reason.description),
        )
        for split, message in _messages(files, anomalies)
        for feature, info in _by_feature(message)
        for reason in info.reason
    ]


def distances_in(files: ArtifactFiles, anomalies: Artifact) -> list[Distance]:
    """Returns the distances that DistributionValidator measured, also those that are none."""
    return [
        Distance(pair, dotted(info.path), measured.value, measured.threshold)
        for pair, message in _messages(files, anomalies)
        for info in message.drift_skew_info
        for measured in (*info.drift_measurements, *info.skew_measurements)
    ]


def _messages(
    files: ArtifactFiles, artifact: Artifact
) -> Iterator[tuple[str, anomalies_pb2.Anomalies]]:
    for file in files.listing(artifact):
        prefix = next((prefix for prefix in _PREFIXES if file.name.startswith(prefix)), None)
        if prefix and file.name.endswith(_FILE):
            message = read_message(files, artifact, file.name, anomalies_pb2.Anomalies)
            if message:
                yield file.name.removeprefix(prefix).removesuffix(_FILE), message


def _by_feature(message: anomalies_pb2.Anomalies) -> list[tuple[str, Any]]:
    # A name that is no UTF-8 comes as bytes, by which nothing can be looked up.
    names = sorted(name for name in message.anomaly_info if isinstance(name, str))
    return [(name, message.anomaly_info[name]) for name in names]


def _kind(number: int) -> str:
    names = anomalies_pb2.AnomalyInfo.Type
    # A newer TFDV may know further ones.
    return str(names.Name(number)) if number in names.values() else str(number)
