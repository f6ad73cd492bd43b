"""The sides of `benchmarks.predict`: what warmstart does, and what a short script would do."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import tensorflow as tf

_SIZE = 160
_BATCH = 32

# Photos with which graphs are traced and threads started before the clock runs.
_WARM_UP = 64


def main() -> None:
    """Classifies the photos of a folder, and prints photos per second as JSON."""
    side, model, folder = sys.argv[1:]
    if side == "load":
        tf.saved_model.load(model)
        sys.stdout.write("{}\n")
        return
    photos = sorted(map(str, Path(folder).glob("*/*")))
    measure = _keras if side == "keras" else _warmstart
    seconds = measure(model, folder, photos)
    sys.stdout.write(json.dumps({"photos_per_second": len(photos) / seconds}) + "\n")


def _keras(model: str, _: str, photos: list[str]) -> float:
    import keras  # noqa: PLC0415 (not a part of what the other side starts)

    from components.serving.model_folder import read_classes  # noqa: PLC0415

    base = keras.applications.MobileNetV2(
        include_top=False, weights=None, pooling="avg", input_shape=(_SIZE, _SIZE, 3)
    )
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)
    head = keras.layers.Dense(len(read_classes(Path(model))), activation="softmax")
    classifier = keras.Sequential([keras.Input((_SIZE, _SIZE, 3)), scaled, base, head])

    def decoded(path: tf.Tensor) -> tf.Tensor:
        photo = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return tf.image.resize(photo, (_SIZE, _SIZE))

    def classify(paths: list[str]) -> None:
        dataset = tf.data.Dataset.from_tensor_slices(paths).map(decoded, tf.data.AUTOTUNE)
        classifier.predict(dataset.batch(_BATCH).prefetch(tf.data.AUTOTUNE), verbose=0)

    classify(photos[:_WARM_UP])
    began = time.perf_counter()
    classify(photos)
    return time.perf_counter() - began


def _warmstart(model: str, folder: str, photos: list[str]) -> float:
    # Not a part of what the other side starts.
    from components.batch_predict.local import predict_here  # noqa: PLC0415
    from components.serving.classification import Photo, classified  # noqa: PLC0415
    from components.serving.pushed_model import PushedModel  # noqa: PLC0415

    pushed = PushedModel(Path(model))
    for _ in classified([Photo(path, path) for path in photos[:_WARM_UP]], pushed):
        pass
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        predict_here(pushed, folder, output=Path(name, "predictions.parquet"))
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
