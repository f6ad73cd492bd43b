"""Says which threshold a model missed, and by how much."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tensorflow_model_analysis.proto import validation_result_pb2

from components.evaluator.eval_config import SLICES, slice_name
from components.evaluator.metrics import LOWER_IS_BETTER
from schemas import features
from schemas.errors import printable

_PREFIX = "evaluate.thresholds"
_BASELINE = "latest blessed model"


def reasons(
    validation: validation_result_pb2.ValidationResult,
    thresholds: Mapping[str, Mapping[str, Any]],
    photos: Mapping[str, Mapping[str, int]],
) -> list[str]:
    """Returns a sentence's end for each threshold missed, those of all photos first.

    Args:
        validation: what TFMA found.
        thresholds: as given to `components.evaluator.eval_config.eval_config`.
        photos: by feature and slice, how many there are.
    """
    found = [
        (bool(keys), _reason(keys, failure, thresholds, photos))
        for checked in validation.metric_validations_per_slice
        for keys in [checked.slice_key.single_slice_keys]
        for failure in checked.failures
    ]
    return [sentence for _, sentence in sorted(found)]


def _reason(
    keys: Sequence[Any],
    failure: Any,
    thresholds: Mapping[str, Mapping[str, Any]],
    photos: Mapping[str, Mapping[str, int]],
) -> str:
    metric = failure.metric_key.name
    lower = metric in LOWER_IS_BETTER
    section = SLICES if keys else metric
    what, among = metric.replace("_", " "), 0
    for key in keys:  # One, or none for all photos.
        name = slice_name(key.bytes_value.decode())
        what, among = f"{what} of {_slice_words(key.column, name)}", photos[key.column][name]
    value = failure.metric_value.double_value.value
    if not failure.HasField("metric_value") or math.isnan(value):
        return f"{what} could not be measured, so {_PREFIX}.{section} cannot be met"
    side = "above" if lower else "below"
    if failure.metric_key.is_diff:
        limit = thresholds[section]["max_rise" if lower else "max_drop"]
        setting = f"{_PREFIX}.{section}.{'max_rise' if lower else 'max_drop'} = {limit}"
        if limit < 0:
            return _not_better(what, -value if lower else value, -limit, setting)
        return f"{what} is {abs(value):.3f} {side} that of the {_BASELINE}, more than {setting}"
    limit = thresholds[section]["max" if lower else "min"]
    setting = f"{_PREFIX}.{section}.{'max' if lower else 'min'} = {limit}"
    counted = f" ({round(value * among)} of {among} photos)" if among else ""
    return f"{what} {value:.3f}{counted} is {abs(value - limit):.3f} {side} {setting}"


def _not_better(what: str, gain: float, wanted: float, setting: str) -> str:
    found = f"{abs(gain):.3f} {'worse' if gain < 0 else 'better'}"
    beyond = f"{wanted:.3f} better than that of the {_BASELINE}"
    return f"{what} must be {beyond} ({setting}), and is {found}"


def _slice_words(feature: str, name: str) -> str:
    value = printable(name)
    return f"class {value}" if feature == features.LABEL else f"photos of {feature} {value}"
