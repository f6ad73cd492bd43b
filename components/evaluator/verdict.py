"""Says which threshold a model missed, and by how much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tensorflow_model_analysis.proto import validation_result_pb2

from components.evaluator.eval_config import SLICES
from components.evaluator.metrics import LOWER_IS_BETTER
from schemas import features
from schemas.errors import printable

_PREFIX = "evaluate.thresholds"


def reasons(
    validation: validation_result_pb2.ValidationResult,
    thresholds: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """Returns a sentence's end for each threshold missed, those of all photos first.

    Args:
        validation: what TFMA found.
        thresholds: as given to `components.evaluator.eval_config.eval_config`.
    """
    found = [
        (bool(checked.slice_key.single_slice_keys), _reason(checked.slice_key, failure, thresholds))
        for checked in validation.metric_validations_per_slice
        for failure in checked.failures
    ]
    return [sentence for _, sentence in sorted(found)]


def _reason(slice_key: Any, failure: Any, thresholds: Mapping[str, Mapping[str, Any]]) -> str:
    name = failure.metric_key.name
    keys = slice_key.single_slice_keys
    section = SLICES if keys else name
    lower = name in LOWER_IS_BETTER
    words = name.replace("_", " ")
    what = f"{words} of {_slice_name(keys[0])}" if keys else words
    if not failure.HasField("metric_value"):
        return f"{what} could not be measured, so {_PREFIX}.{section} cannot be met"
    value = failure.metric_value.double_value.value
    limits = thresholds[section]
    if failure.metric_key.is_diff:
        limit = limits["max_rise" if lower else "max_drop"]
        key = f"{_PREFIX}.{section}.{'max_rise' if lower else 'max_drop'} = {limit}"
        worse = value if lower else -value
        side = "above" if lower else "below"
        if worse <= 0:
            return (
                f"{what} is only {-worse:.3f} better than that of the latest blessed model, less "
                f"than {key} asks for"
            )
        return f"{what} is {worse:.3f} {side} that of the latest blessed model, more than {key}"
    limit = limits["max" if lower else "min"]
    key = f"{_PREFIX}.{section}.{'max' if lower else 'min'} = {limit}"
    return f"{what} {value:.3f} is {abs(value - limit):.3f} {'above' if lower else 'below'} {key}"


def _slice_name(key: Any) -> str:
    value = printable(key.bytes_value.decode())
    return f"class {value}" if key.column == features.LABEL else f"photos of {key.column} {value}"
