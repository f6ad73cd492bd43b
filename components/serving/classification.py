"""Classifies files with a model, wherever it runs: in batches, several at once, in order.

What reading, naming and one broken photo in a batch mean is the same for a model in this process
(`pushed_model`) and for one behind TensorFlow Serving (`rest`). Without TensorFlow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Protocol, TypeVar

from components.dataset.image_file import as_graph_reads, quiet_pillow
from components.dataset.storage import read_bytes
from decoding.limited import DecoderFailedError

NO_IMAGE = "not a JPEG, PNG, GIF, BMP, WebP or TIFF image, or damaged"

# A model is asked about so many photos at once, and so many bytes: a photo that is larger goes
# alone. 8 MB of photos are 11 MB of JSON.
MAX_PHOTOS = 32
MAX_BYTES = 8_000_000

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Photo:
    """A file to classify.

    Attributes:
        path: as which it is reported.
        place: where it lies, on this machine or at a place such as `gs://`.
        trouble: why it cannot be read, where that is known, or empty.
    """

    path: str
    place: str
    trouble: str = ""


@dataclass(frozen=True)
class Answer:
    """What a model says of one photo.

    Attributes:
        label: the most probable class.
        probabilities: of each class, in [0, 1], in the model's order.
    """

    label: str
    probabilities: list[float]


@dataclass(frozen=True)
class Prediction:
    """What is known of one file.

    Attributes:
        path: of the file, as given.
        label: the most probable class, or None if the file could not be read.
        confidence: the probability of that class, in [0, 1], or None.
        probabilities: of each class by its name, or as a list in the model's order where the
            names are not known, in [0, 1]; or None.
        error: why the file could not be read, or None.
    """

    path: str
    label: str | None = None
    confidence: float | None = None
    probabilities: dict[str, float] | list[float] | None = None
    error: str | None = None


class RefusedPhotosError(Exception):
    """A model cannot take one of these photos, or not all of them at once; the text says why."""


class Model(Protocol):
    """Something that classifies photos.

    Attributes:
        class_count: number of classes.
        at_once: how many batches it is asked about at the same time.
    """

    class_count: int
    at_once: int

    @property
    def classes(self) -> Sequence[str] | None:
        """Their names, in the order of the probabilities, or None if they are not known."""

    def classify(self, contents: Sequence[bytes]) -> list[Answer]:
        """Classifies files that TensorFlow's decoders read, at least one.

        Raises:
            RefusedPhotosError: if it does not take them.
            WarmstartError: if it cannot answer, whatever the photos.
        """
        ...


def classified(photos: Iterable[Photo], model: Model) -> Iterator[Prediction]:
    """Yields what a model says of each photo, in their order.

    One that cannot be read or decoded does not stop the others. Of any number of photos only a
    few batches are in memory.

    Args:
        photos: are asked for as they are needed.
        model: is asked from several threads.
    """
    remaining = iter(photos)
    batches = iter(lambda: list(islice(remaining, MAX_PHOTOS)), [])
    with quiet_pillow(), ThreadPoolExecutor(model.at_once) as threads:
        for predictions in _in_order(
            threads, partial(_classified_batch, model), batches, ahead=2 * model.at_once
        ):
            yield from predictions


def _in_order(
    threads: ThreadPoolExecutor,
    function: Callable[[_Item], _Result],
    items: Iterable[_Item],
    *,
    ahead: int,
) -> Iterator[_Result]:
    """Maps in order, and never more than `ahead` items before the one that is waited for."""
    pending: deque[Future[_Result]] = deque()
    try:
        for item in items:
            pending.append(threads.submit(function, item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def _classified_batch(model: Model, photos: Sequence[Photo]) -> list[Prediction]:
    predictions: dict[int, Prediction] = {}
    for contents in _parts(photos, predictions):
        answers = _answers(model, list(contents.values()))
        for number, answer in zip(contents, answers, strict=True):
            predictions[number] = _prediction(photos[number].path, answer, model.classes)
    return [predictions[number] for number in range(len(photos))]


def _parts(
    photos: Sequence[Photo], predictions: dict[int, Prediction]
) -> Iterator[dict[int, bytes]]:
    """Yields contents by number, at most `MAX_BYTES` at a time; adds what cannot be read."""
    contents: dict[int, bytes] = {}
    size = 0
    for number, photo in enumerate(photos):
        content = _read(photo)
        if isinstance(content, _Unreadable):
            predictions[number] = Prediction(photo.path, error=content.reason)
            continue
        if contents and size + len(content) > MAX_BYTES:
            yield contents
            contents, size = {}, 0
        contents[number] = content
        size += len(content)
    if contents:
        yield contents


@dataclass(frozen=True)
class _Unreadable:
    reason: str


def _read(photo: Photo) -> bytes | _Unreadable:
    if photo.trouble:
        return _Unreadable(photo.trouble)
    try:
        content = read_bytes(photo.place)
    except OSError as error:
        return _Unreadable(error.strerror or str(error))
    except ValueError as error:  # A NUL byte in the name.
        return _Unreadable(str(error))
    try:
        return as_graph_reads(content)
    except DecoderFailedError as error:
        return _Unreadable(str(error))
    except ValueError:
        return _Unreadable(NO_IMAGE)


def _answers(model: Model, contents: Sequence[bytes]) -> list[Answer | _Unreadable]:
    try:
        return [*model.classify(contents)]
    except RefusedPhotosError as error:
        if len(contents) == 1:
            return [_Unreadable(str(error))]
        # One broken photo fails its whole batch: halve until it is alone.
        middle = len(contents) // 2
        return _answers(model, contents[:middle]) + _answers(model, contents[middle:])


def _prediction(
    path: str, answer: Answer | _Unreadable, classes: Sequence[str] | None
) -> Prediction:
    if isinstance(answer, _Unreadable):
        return Prediction(path, error=answer.reason)
    probabilities = answer.probabilities
    by_name = dict(zip(classes, probabilities, strict=True)) if classes else probabilities
    return Prediction(path, answer.label, max(probabilities), by_name)
