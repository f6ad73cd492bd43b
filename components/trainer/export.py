"""Writes a trained classifier as the SavedModel that is evaluated, pushed and served."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import keras
import tensorflow as tf

from components.trainer.input_data import Labels
from components.transform.preprocessing import decode_photos
from schemas import features, serving


class ServingModel(tf.Module):
    """A classifier with its class names and the preprocessing of photos in one graph.

    The signatures are those of `schemas.serving`.
    """

    def __init__(self, classifier: keras.Model, labels: Labels, classes_file: str) -> None:
        """Wraps a classifier.

        Args:
            classifier: from `build_classifier`.
            labels: names in the order of the classifier's outputs.
            classes_file: the same names as a JSON list, to travel as an asset.
        """
        super().__init__(name="serving_model")
        self.classes_asset = tf.saved_model.Asset(classes_file)
        # Of the classifier only its variables are saved, as `serving.CLASSIFIER_VARIABLES`: what
        # Keras hangs on every layer takes as long to write as all the rest, and nothing that
        # serves reads it.
        self.variables_of_classifier = [weight.value for weight in classifier.weights]
        self._names = tf.constant(list(labels.classes))
        self._numbers = labels.table()

        size = classifier.input_shape[1]

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def probabilities(encoded: tf.Tensor) -> tf.Tensor:
            photos = tf.cast(decode_photos(encoded, size), tf.float32)
            outputs = classifier(photos, training=False)
            return tf.concat([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs

        # Traced once for both signatures.
        self._probabilities = probabilities

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=serving.EXAMPLES_INPUT)])
    def serve_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Classifies serialized tf.Examples that hold an encoded photo."""
        spec = {features.IMAGE: tf.io.FixedLenFeature([], tf.string)}
        return self._classify(tf.io.parse_example(examples, spec)[features.IMAGE])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=serving.IMAGE_BYTES_INPUT)])
    def serve_bytes(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Classifies encoded photos."""
        return self._classify(image_bytes)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=serving.EXAMPLES_INPUT)])
    def transform_features(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Gives the number of each example's class, which the Evaluator compares with."""
        spec = {features.LABEL: tf.io.FixedLenFeature([], tf.string)}
        labels = tf.io.parse_example(examples, spec)[features.LABEL]
        return {serving.LABEL_INDEX_OUTPUT: self._numbers.lookup(labels)}

    def _classify(self, encoded: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = self._probabilities(encoded)
        return {
            serving.LABEL_OUTPUT: tf.gather(self._names, tf.argmax(probabilities, axis=1)),
            serving.PROBABILITIES_OUTPUT: probabilities,
        }


def export(classifier: keras.Model, labels: Labels, folder: str) -> None:
    """Writes the SavedModel of a classifier.

    Args:
        classifier: from `build_classifier`.
        labels: names in the order of the classifier's outputs.
        folder: where to; made if missing.
    """
    with tempfile.TemporaryDirectory() as scratch:
        classes_file = Path(scratch, serving.CLASSES_ASSET)
        classes_file.write_text(json.dumps(list(labels.classes)), encoding="utf-8")
        model = ServingModel(classifier, labels, str(classes_file))
        tf.saved_model.save(
            model,
            folder,
            signatures={
                serving.SERVING_DEFAULT: model.serve_examples,
                serving.SERVING_BYTES: model.serve_bytes,
                serving.TRANSFORM_FEATURES: model.transform_features,
            },
        )
    # The graph cannot be turned back into layers; with these few bytes the variables can.
    extra = os.path.join(folder, serving.EXTRA_ASSETS)
    tf.io.gfile.makedirs(extra)
    with tf.io.gfile.GFile(os.path.join(extra, serving.ARCHITECTURE_FILE), "w") as stream:
        stream.write(classifier.to_json())
