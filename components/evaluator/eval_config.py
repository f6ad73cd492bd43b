"""What TFMA measures on the evaluation photos, and what a model must reach to be blessed."""

from __future__ import annotations

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from schemas import features, serving

# TFMA's names of the metrics, as they stand in its results.
ACCURACY = "sparse_categorical_accuracy"
LOG_LOSS = "sparse_categorical_crossentropy"


def eval_config(*, min_accuracy: float, max_accuracy_drop: float) -> tfma.EvalConfig:
    """Returns TFMA's configuration.

    Classes are compared by number for two classes as for twenty, so that every slice and
    plot is read the same way. The accuracy of a class's slice is the recall of that class.

    Args:
        min_accuracy: below it a model is not blessed, in [0, 1].
        max_accuracy_drop: how far below the latest blessed model it may be, in [0, 1].
    """
    threshold = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound={"value": min_accuracy}),
        change_threshold=tfma.GenericChangeThreshold(
            direction=tfma.MetricDirection.HIGHER_IS_BETTER,
            absolute={"value": -max_accuracy_drop},
        ),
    )
    metrics = [
        tfma.MetricConfig(
            class_name="SparseCategoricalAccuracy",
            # A plain `threshold` would be asked of each class's slice too.
            per_slice_thresholds=[
                config_pb2.PerSliceMetricThreshold(
                    slicing_specs=[tfma.SlicingSpec()], threshold=threshold
                )
            ],
        ),
        tfma.MetricConfig(class_name="SparseCategoricalCrossentropy"),
        tfma.MetricConfig(class_name="MultiClassConfusionMatrixPlot"),
        tfma.MetricConfig(class_name="ExampleCount"),
    ]
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                signature_name=serving.SERVING_DEFAULT,
                preprocessing_function_names=[serving.TRANSFORM_FEATURES],
                label_key=serving.LABEL_INDEX_OUTPUT,
                prediction_key=serving.PROBABILITIES_OUTPUT,
            )
        ],
        slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=[features.LABEL])],
        metrics_specs=[tfma.MetricsSpec(metrics=metrics)],
    )
