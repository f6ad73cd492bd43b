"""What TensorBoard shows beyond Keras' own callback."""

from __future__ import annotations

import tensorflow as tf

from components.trainer.input_data import PhotosReader

_SAMPLES = 16


def write_sample_photos(folder: str, photos: PhotosReader) -> None:
    """Writes some training photos, as they are and in each of their changed views.

    Args:
        folder: TensorBoard's; the step is the number of the view.
        photos: of both splits.
    """
    writer = tf.summary.create_file_writer(folder)
    with writer.as_default():
        for view, shown in enumerate(photos.samples(_SAMPLES)):
            tf.summary.image("training_photos", shown / 255, step=view, max_outputs=_SAMPLES)
    writer.close()
