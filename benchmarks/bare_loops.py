"""What a short script would do with photos: the other side of `benchmarks.data`."""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

_SIZE = 160


def main() -> None:
    """Passes over the photos of a folder, and prints the seconds that took as JSON."""
    kind, folder = sys.argv[1:]
    paths = sorted(map(str, Path(folder).glob("*/*")))
    seconds = _pillow(paths) if kind == "pillow" else _tf_data(paths)
    sys.stdout.write(json.dumps({"seconds": seconds, "photos": len(paths)}) + "\n")


def _pillow(paths: list[str]) -> float:
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_open_verify_resize, paths[:2]))  # Starts the processes.
        began = time.perf_counter()
        list(pool.map(_open_verify_resize, paths, chunksize=32))
        return time.perf_counter() - began


def _open_verify_resize(path: str) -> tuple[int, int]:
    from PIL import Image  # noqa: PLC0415 (in each process)

    with Image.open(path) as image:
        image.verify()
    with Image.open(path) as image:
        return image.convert("RGB").resize((_SIZE, _SIZE)).size


def _tf_data(paths: list[str]) -> float:
    import tensorflow as tf  # noqa: PLC0415 (takes seconds, and the other loop does without)

    def decoded(path: tf.Tensor) -> tf.Tensor:
        photo = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
        resized = tf.image.resize(tf.ensure_shape(photo, (None, None, 3)), (_SIZE, _SIZE))
        return tf.cast(resized, tf.uint8)

    began = time.perf_counter()
    photos = tf.data.Dataset.from_tensor_slices(paths).map(decoded, tf.data.AUTOTUNE)
    for _ in photos.batch(32).prefetch(tf.data.AUTOTUNE):
        pass
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
