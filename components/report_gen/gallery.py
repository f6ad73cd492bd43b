"""Photos to look at: the worst mistakes with what the model looked at, and doubtful labels."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import tensorflow as tf
from PIL import Image

from components.dataset.image_file import quiet_pillow, upright_rgb
from components.evaluator.answers import Answers
from components.pages.thumbnails import data_url, thumbnail
from components.report_gen.grad_cam import Heat, heat_maps
from components.serving.classifier import load_classifier
from components.transform.preprocessing import decode_photos
from schemas import features

# Photos with two pictures each of some 8 kB: the page stays far below 5 MB.
MOST_SHOWN = 12

# Where the model makes fewer mistakes, those photos follow that it was least sure about.
_FEWEST_SHOWN = 6

# Of the classes of one photo.
_MOST_CLASSES = 3

# How much of the colour is seen where the model looked most.
_OPACITY = 0.6


@dataclass(frozen=True)
class Judged:
    """An evaluation photo and what the model says of it.

    Attributes:
        path: relative to the data folder.
        label: its class.
        said: the class that it was taken for.
        probabilities: of the most probable classes and of its own, the highest first.
        picture: a `data:` URL, or "" if the photo is not there any more.
        heat: the same with what speaks for `said`, or "".
    """

    path: str
    label: str
    said: str
    probabilities: dict[str, float]
    picture: str
    heat: str

    @property
    def right(self) -> bool:
        """Whether it was taken for what it is."""
        return self.label == self.said


def worst(answers: Answers) -> list[int]:
    """Returns photos by their place: mistakes, the surest first, then those it was least sure of.

    Args:
        answers: of the evaluation photos.
    """
    confidence = answers.probabilities.max(axis=1)
    wrong = answers.probabilities.argmax(axis=1) != answers.labels
    mistakes = np.flatnonzero(wrong)[np.argsort(-confidence[wrong], kind="stable")]
    unsure = np.flatnonzero(~wrong)[np.argsort(confidence[~wrong], kind="stable")]
    shown = [*mistakes[:MOST_SHOWN], *unsure[: max(0, _FEWEST_SHOWN - len(mistakes))]]
    return [int(number) for number in shown]


def judged(
    answers: Answers, numbers: Sequence[int], files: Mapping[str, bytes], model: Path
) -> list[Judged]:
    """Returns photos with what the model says of them, and where it looked.

    Args:
        answers: of the evaluation photos.
        numbers: places in `answers`.
        files: by path, as `read_photos` returns them.
        model: folder of the SavedModel.
    """
    there = [number for number in numbers if answers.paths[number] in files]
    heat: dict[int, Heat] = {}
    if there:
        classifier = load_classifier(model)
        encoded = tf.constant([files[answers.paths[number]] for number in there])
        maps = heat_maps(classifier, decode_photos(encoded, classifier.input_shape[1]).numpy())
        heat = dict(zip(there, maps, strict=True))
    found: list[Judged] = []
    for number in numbers:
        path = answers.paths[number]
        picture = _picture(files[path]) if path in files else None
        found.append(
            Judged(
                path=path,
                label=answers.classes[answers.labels[number]],
                said=answers.classes[int(answers.probabilities[number].argmax())],
                probabilities=_probabilities(answers, number),
                picture=data_url(picture) if picture else "",
                heat=data_url(_heated(picture, heat[number])) if picture else "",
            )
        )
    return found


def pictures(paths: Iterable[str], files: Mapping[str, bytes]) -> dict[str, str]:
    """Returns a `data:` URL for each photo that is there, by path."""
    return {path: data_url(_picture(files[path])) for path in paths if path in files}


def read_photos(folders: Iterable[str], paths: Collection[str]) -> dict[str, bytes]:
    """Reads the files of some photos from raw examples.

    Args:
        folders: of gzipped TFRecords that ImageExampleGen wrote.
        paths: of the photos.
    """
    spec = {name: tf.io.FixedLenFeature([], tf.string) for name in (features.IMAGE, features.PATH)}
    wanted = tf.constant(sorted(paths) or [""])
    found: dict[str, bytes] = {}
    files = [file for folder in folders for file in tf.io.gfile.glob(os.path.join(folder, "*"))]
    photos = (
        tf.data.TFRecordDataset(sorted(files), "GZIP")
        .map(lambda record: tf.io.parse_single_example(record, spec))
        .filter(lambda photo: tf.reduce_any(photo[features.PATH] == wanted))
    )
    for photo in photos.as_numpy_iterator():
        found[photo[features.PATH].decode()] = photo[features.IMAGE]
    return found


def _probabilities(answers: Answers, number: int) -> dict[str, float]:
    row = answers.probabilities[number]
    shown = [*np.argsort(-row, kind="stable")[:_MOST_CLASSES], answers.labels[number]]
    return {answers.classes[place]: float(row[place]) for place in dict.fromkeys(map(int, shown))}


def _picture(content: bytes) -> Image.Image:
    with quiet_pillow():
        return thumbnail(upright_rgb(content))


def _heated(picture: Image.Image, heat: Heat) -> Image.Image:
    """Lays colours over a picture; the model saw it squeezed into a square, so the map is, too."""
    smooth = Image.fromarray(heat).resize(picture.size, Image.Resampling.BICUBIC)
    strength = np.clip(np.asarray(smooth), 0, 1)[..., None]
    colours = mpl.colormaps["inferno"](strength[..., 0])[..., :3] * 255
    mixed = np.asarray(picture) * (1 - _OPACITY * strength) + colours * _OPACITY * strength
    return Image.fromarray(mixed.astype(np.uint8))
