"""Reads what ServingValidator found out about a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Custom properties of the InfraBlessing. The first, and the files, are those of TFX's
# InfraValidator, whose executor is not imported: it needs Docker's and Kubernetes' clients.
BLESSED_KEY = "blessed"
REASON_KEY = "reason"
LATENCY_KEY = "latency_ms"
P95_KEY = "p95_ms"
SIZE_KEY = "size_mb"
MAX_DIFFERENCE_KEY = "max_difference"


@dataclass(frozen=True)
class Served:
    """What a model came to in a process without this project.

    Attributes:
        refused_because: why it must not be served, as the end of a sentence, or None.
        latency_ms: median milliseconds for one photo, on the CPU, or None if it was not measured.
        p95_ms: 95 of 100 photos took less, or None.
        size_mb: of its folder.
        max_difference: between two probabilities, when served and in training, or None.
    """

    refused_because: str | None
    latency_ms: float | None
    p95_ms: float | None
    size_mb: float
    max_difference: float | None


def read_served(blessing: Any) -> Served:
    """Reads an InfraBlessing of ServingValidator.

    Args:
        blessing: the artifact, in ML Metadata's own form.
    """
    found = blessing.custom_properties

    def number(key: str) -> float | None:
        return float(found[key].double_value) if key in found else None

    return Served(
        refused_because=found[REASON_KEY].string_value or None if REASON_KEY in found else None,
        latency_ms=number(LATENCY_KEY),
        p95_ms=number(P95_KEY),
        size_mb=number(SIZE_KEY) or 0.0,
        max_difference=number(MAX_DIFFERENCE_KEY),
    )
