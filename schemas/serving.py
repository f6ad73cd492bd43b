"""The serving contract of a pushed SavedModel.

`serving_default`: `examples`, string (batch,), serialized tf.Examples → `label`, `probabilities`
`serving_bytes`: `image_bytes`, string (batch,), encoded photos → `label`, `probabilities`
`transform_features`: `examples` → `label_index`, what the Evaluator compares with

`label` is a string (batch,); `probabilities` float32 (batch, classes) in the order of
`CLASSES_ASSET`, a JSON list of class names that travels in the model's `assets/` folder.

In `EXTRA_ASSETS`, which nobody who serves it reads, lies `ARCHITECTURE_FILE`: Keras' own JSON of
the classifier. Its weights, in Keras' order, are the SavedModel's `CLASSIFIER_VARIABLES`. With a
pushed version also lies `STATISTICS_FOLDER`, TFDV's statistics of the photos that it learnt from.
"""

from __future__ import annotations

SERVING_DEFAULT = "serving_default"
SERVING_BYTES = "serving_bytes"
TRANSFORM_FEATURES = "transform_features"

EXAMPLES_INPUT = "examples"
# The `_bytes` suffix is how TensorFlow Serving's REST API marks tensors of binary values.
IMAGE_BYTES_INPUT = "image_bytes"

LABEL_OUTPUT = "label"
PROBABILITIES_OUTPUT = "probabilities"
LABEL_INDEX_OUTPUT = "label_index"

CLASSES_ASSET = "classes.json"

# The standard place in a SavedModel for what serving ignores.
EXTRA_ASSETS = "assets.extra"
ARCHITECTURE_FILE = "architecture.json"
CLASSIFIER_VARIABLES = "variables_of_classifier"
STATISTICS_FOLDER = "statistics"

# Where TFX has the SavedModel in a Model artifact.
SAVED_MODEL_FOLDER = "Format-Serving"
