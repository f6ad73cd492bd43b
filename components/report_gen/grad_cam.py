"""Where in a photo a classifier looks: Grad-CAM.

Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization (2017), equations 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

Heat = npt.NDArray[np.float32]


def heat_maps(classifier: keras.Model, photos: npt.NDArray[np.uint8]) -> Heat:
    """Returns which parts of each photo speak for the class that it is taken for.

    Args:
        classifier: from `components.serving.classifier.load_classifier`: preprocessing, a
            backbone that averages its last features over all positions, and a head.
        photos: uint8 (batch, size, size, 3), RGB, as `decode_photos` makes them.

    Returns:
        float32 (batch, rows, columns), of the last features' size, in [0, 1]; all 0 where
        nothing speaks for the class.
    """
    features, scores_of = _parts(classifier)
    activations, embedding = features(tf.cast(photos, tf.float32), training=False)
    with tf.GradientTape() as tape:
        tape.watch(embedding)
        scores = scores_of(embedding)
        # One unit is the score of the second of two classes, negative where it is the first.
        chosen = tf.abs(scores) if scores.shape[1] == 1 else tf.reduce_max(scores, axis=1)
    # The embedding is the mean over positions, so its gradient is equation 1, up to a factor.
    weights = tape.gradient(chosen, embedding)
    heat = tf.nn.relu(tf.einsum("brcf,bf->brc", activations, weights))
    highest = tf.reduce_max(heat, axis=(1, 2), keepdims=True)
    found: Heat = tf.math.divide_no_nan(heat, highest).numpy()
    return found


def _parts(classifier: keras.Model) -> tuple[keras.Model, Callable[[tf.Tensor], tf.Tensor]]:
    """Cuts a classifier before its head, and leaves out the last activation of that.

    Scores before softmax or sigmoid: where the model is certain, the gradient after it is 0.
    """
    *before, backbone, head = classifier.operations
    features = keras.Model(
        backbone.inputs, [backbone.operations[-1].input, backbone.operations[-1].output]
    )
    prepared = before[-1].output
    whole = keras.Model(classifier.inputs, features(prepared))
    *hidden, last = head.layers
    inner = keras.Model(head.inputs, hidden[-1].output)

    def scores(embedding: tf.Tensor) -> tf.Tensor:
        return inner(embedding, training=False) @ last.kernel + last.bias

    return whole, scores
