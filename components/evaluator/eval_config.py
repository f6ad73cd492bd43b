"""What TFMA is told: two models, the slices, and what a model must reach to be blessed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

# TFX first: it stands in for a module of tfx_bsl that TFDV 1.16 imports and 1.21 lacks.
import tfx.components.evaluator.executor  # noqa: F401  # isort: skip
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from components.evaluator.answers import BASELINE, PROBABILITIES
from components.evaluator.metrics import ACCURACY, LOWER_IS_BETTER
from components.evaluator.tfma_metrics import ClassifierMetrics

# The number of a photo's class, beside its name.
LABEL_INDEX = "label_index"

SLICES = "slices"
MIN_PHOTOS = "min_photos"

# A photo in a hundred is 0.010000000000000009, and no more than 0.01.
_TOLERANCE = 1e-9

_TEXT_MARK = "'"


def eval_config(
    thresholds: Mapping[str, Mapping[str, Any]],
    sliced: Mapping[str, Mapping[str, int]],
    *,
    compared: bool,
) -> config_pb2.EvalConfig:
    """Returns TFMA's configuration.

    Args:
        thresholds: by metric, accuracy among them, `min` and `max_drop`, or `max` and `max_rise`
            where lower is better; under `slices` those of the accuracy of each slice, classes
            among them, of at least `min_photos` photos. None: no such threshold.
        sliced: by feature and slice, how many photos it has.
        compared: whether there is a baseline.
    """
    specs = [_model_spec(tfma.constants.CANDIDATE_KEY, PROBABILITIES)]
    if compared:
        specs.append(_model_spec(tfma.constants.BASELINE_KEY, BASELINE))
    by_metric = {
        name: [_on([config_pb2.SlicingSpec()], _threshold(name, limits))]
        for name, limits in thresholds.items()
        if name != SLICES
    }
    large = [
        config_pb2.SlicingSpec(feature_values={feature: slice_value(name)})
        for feature, names in sliced.items()
        for name, photos in names.items()
        if photos >= thresholds[SLICES][MIN_PHOTOS]
    ]
    if large:
        by_metric[ACCURACY].append(_on(large, _threshold(ACCURACY, thresholds[SLICES])))
    return config_pb2.EvalConfig(
        model_specs=specs,
        slicing_specs=[
            config_pb2.SlicingSpec(),
            *(config_pb2.SlicingSpec(feature_keys=[feature]) for feature in sliced),
        ],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[
                    config_pb2.MetricConfig(
                        class_name=ClassifierMetrics.__name__, module=ClassifierMetrics.__module__
                    ),
                    config_pb2.MetricConfig(class_name="ExampleCount"),
                    config_pb2.MetricConfig(class_name="MultiClassConfusionMatrixPlot"),
                ],
                per_slice_thresholds={
                    name: config_pb2.PerSliceMetricThresholds(thresholds=wanted)
                    for name, wanted in by_metric.items()
                },
            )
        ],
    )


def slice_value(name: str) -> str:
    """Returns how the name of a slice is told to TFMA.

    TFMA takes 1, 01 and 1.0 for the same slice. As in a spreadsheet, an apostrophe makes text of
    a number.
    """
    return _TEXT_MARK + name if _looks_like_number(name) or name[:1] == _TEXT_MARK else name


def slice_name(value: str) -> str:
    """Returns the name that was told to TFMA with `slice_value`."""
    return value.removeprefix(_TEXT_MARK)


def _looks_like_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _model_spec(name: str, prediction_key: str) -> config_pb2.ModelSpec:
    return config_pb2.ModelSpec(
        name=name,
        label_key=LABEL_INDEX,
        prediction_key=prediction_key,
        is_baseline=prediction_key == BASELINE,
    )


def _on(
    slices: Collection[config_pb2.SlicingSpec], threshold: config_pb2.MetricThreshold
) -> config_pb2.PerSliceMetricThreshold:
    return config_pb2.PerSliceMetricThreshold(slicing_specs=slices, threshold=threshold)


def _threshold(name: str, limits: Mapping[str, Any]) -> config_pb2.MetricThreshold:
    threshold = config_pb2.MetricThreshold()
    lower = name in LOWER_IS_BETTER
    value, change = limits["max" if lower else "min"], limits["max_rise" if lower else "max_drop"]
    if value is not None:
        bound = (
            threshold.value_threshold.upper_bound
            if lower
            else threshold.value_threshold.lower_bound
        )
        bound.value = value + (_TOLERANCE if lower else -_TOLERANCE)
    if change is not None:
        threshold.change_threshold.direction = (
            config_pb2.MetricDirection.LOWER_IS_BETTER
            if lower
            else config_pb2.MetricDirection.HIGHER_IS_BETTER
        )
        threshold.change_threshold.absolute.value = (change + _TOLERANCE) * (1 if lower else -1)
    return threshold
