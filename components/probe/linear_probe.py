"""How well a backbone suits some photos: a cross-validated linear probe on its embeddings.

Each photo is embedded once; a linear classifier on frozen embeddings is a cheap and faithful
forecast of transfer (Kornblith, Shlens and Le, "Do Better ImageNet Models Transfer Better?",
CVPR 2019, https://arxiv.org/abs/1805.08974).
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from components.backbone.cache import EMBEDDED_IMAGE_SIZE
from components.backbone.registry import BACKBONES
from components.backbone.weights import EMBEDDED
from components.dataset.image_file import as_graph_reads, as_png, quiet_pillow
from components.dataset.storage import joined, read_bytes
from components.dataset.survey import Photo
from schemas.errors import DataError, ModelError, printable, shortened_list

# Quantile of the normal distribution for two-sided intervals of 95 %.
Z_95 = 1.959964

# Pixels that a backbone sees at once: 32 photos at 224, 4 at 600. Bounds the memory.
_BATCH_PIXELS = 32 * 224 * 224

# Inverse strength of the probe's L2 penalty. There are more channels than photos, so a strong one.
_PENALTY_C = 0.01
_MAX_ITERATIONS = 1000


@dataclass(frozen=True)
class Candidate:
    """A backbone to try.

    Attributes:
        name: a key of `BACKBONES`.
        weights: as in the configuration: `embedded`, `imagenet`, `none` or a file.
        image_size: pixels on each side.
    """

    name: str
    weights: str
    image_size: int


@dataclass(frozen=True)
class ProbePhotos:
    """The photos that all candidates are tried on.

    Attributes:
        folder: the data folder.
        paths: of the photos in it, each content once.
        labels: the class of each.
        copies: how many files were left out, because their content was there already.
    """

    folder: str
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    copies: int


@dataclass(frozen=True)
class Probe:
    """How a candidate did.

    Attributes:
        candidate: what was tried.
        correct: bool (photos,), whether each photo was recognised while it was held out.
        seconds: to embed all photos, decoding included.
        megabytes: of the backbone's parameters in float32, without a top.
    """

    candidate: Candidate
    correct: np.ndarray
    seconds: float
    megabytes: float

    @property
    def accuracy(self) -> float:
        """Share of the photos that were recognised."""
        return float(self.correct.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy."""
        return wilson_interval(int(self.correct.sum()), self.correct.size)


def candidate_at_default_size(name: str, weights: str) -> Candidate:
    """Returns a backbone at the size at which its weights were trained."""
    size = EMBEDDED_IMAGE_SIZE if weights == EMBEDDED else BACKBONES[name].image_size
    return Candidate(name, weights, size)


def probe_photos(folder: str, photos: Sequence[Photo]) -> ProbePhotos:
    """Keeps each content once, so that no photo is learnt and asked for at the same time.

    Args:
        folder: the data folder.
        photos: those of its survey.

    Raises:
        DataError: if there are fewer than two classes, or a class has one photo only.
    """
    first = {photo.digest: photo for photo in reversed(photos)}
    kept = [photo for photo in photos if first[photo.digest] is photo]
    counts = Counter(photo.label for photo in kept)
    if len(counts) == 1:
        raise DataError(
            f"{folder} holds one class only, {printable(next(iter(counts)))}: a comparison needs "
            "photos of at least two classes, each in a folder of its own."
        )
    few = sorted(printable(label) for label, count in counts.items() if count < 2)
    if few:
        raise DataError(
            f"{folder}: each class needs at least 2 different photos, one to learn from and one "
            f"to ask for, but there is 1 of {shortened_list(few)}; add photos or remove the "
            "class folder."
        )
    return ProbePhotos(
        folder,
        paths=tuple(photo.path for photo in kept),
        labels=tuple(photo.label for photo in kept),
        copies=len(photos) - len(kept),
    )


def usable_folds(labels: Sequence[str], wanted: int) -> int:
    """Returns how many folds there can be, if each is to hold a photo of every class."""
    return min(wanted, *Counter(labels).values())


def probe(candidate: Candidate, photos: ProbePhotos, *, folds: int, seed: int) -> Probe:
    """Tries a candidate.

    Args:
        candidate: the backbone.
        photos: what to recognise.
        folds: from `usable_folds`.
        seed: of the folds. Equal seeds divide the photos equally, whatever the candidate.

    Raises:
        DataError: if a photo cannot be decoded.
        ModelError: if the weights are missing, damaged or of another backbone.
    """
    embeddings, seconds, megabytes = embed_photos(candidate, photos)
    if not np.isfinite(embeddings).all():
        raise ModelError(
            f"{candidate.name} gives embeddings that are no numbers with the weights "
            f"{candidate.weights}; name weights that were trained to the end."
        )
    correct = held_out_correct(embeddings, photos.labels, folds=folds, seed=seed)
    return Probe(candidate, correct, seconds, megabytes)


def held_out_correct(
    embeddings: np.ndarray, labels: Sequence[str], *, folds: int, seed: int
) -> np.ndarray:
    """Classifies each photo by what logistic regression learnt from the other folds.

    Channels are standardised by mean and deviation of the folds that are learnt from.

    Args:
        embeddings: float32 (photos, channels).
        labels: the class of each.
        folds: in each of which the classes have their shares; at most the photos of the
            smallest class.
        seed: of the folds.

    Returns:
        bool (photos,), whether each was recognised.
    """
    classes = np.unique(np.asarray(labels), return_inverse=True)[1]
    correct = np.zeros(len(labels), bool)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for learnt, asked in splitter.split(embeddings, classes):
        classifier = linear_classifier(_PENALTY_C)
        classifier.fit(embeddings[learnt], classes[learnt])
        correct[asked] = classifier.predict(embeddings[asked]) == classes[asked]
    return correct


def linear_classifier(penalty_c: float) -> Pipeline:
    """Returns an untrained logistic regression on standardised channels.

    Args:
        penalty_c: inverse strength of the L2 penalty.
    """
    # Newton's method needs half of the time of the usual L-BFGS.
    regression = LogisticRegression(C=penalty_c, max_iter=_MAX_ITERATIONS, solver="newton-cg")
    return make_pipeline(StandardScaler(), regression)


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Returns the 95 % score interval of a share.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    Journal of the American Statistical Association 22 (1927), 209-212; recommended for few
    trials by Brown, Cai and DasGupta, Statistical Science 16 (2001), 101-133. Over the held-out
    photos of all folds it takes them as independent, which classifiers that share most of what
    they learnt from are not quite.

    Args:
        successes: at most `trials`.
        trials: at least 1.
    """
    share = successes / trials
    weight = 1 / (1 + Z_95**2 / trials)
    middle = weight * (share + Z_95**2 / (2 * trials))
    half = weight * Z_95 * math.sqrt(share * (1 - share) / trials + (Z_95 / (2 * trials)) ** 2)
    # Exactly 0 and 1 at the ends, where rounding could leave the share outside.
    return (
        0.0 if successes == 0 else middle - half,
        1.0 if successes == trials else middle + half,
    )


def recommended(probes: Sequence[Probe]) -> Probe:
    """Returns the smallest of those whose accuracy lies within the interval of the best.

    Args:
        probes: at least one, on the same photos. Among equally small ones the fastest is taken.
    """
    best = max(probes, key=lambda one: one.accuracy)
    low, _ = best.interval
    close = [one for one in probes if one.accuracy >= low]
    return min(close, key=lambda one: (one.megabytes, one.seconds))


def embed_photos(candidate: Candidate, photos: ProbePhotos) -> tuple[np.ndarray, float, float]:
    """Runs a backbone over every photo, unchanged, once.

    A batch of photos at a time is in memory. Clears Keras' session at the end, so that the
    next backbone has the memory of this one.

    Args:
        candidate: the backbone.
        photos: what to embed.

    Returns:
        float32 (photos, channels); the seconds that took, without building the backbone; and
        the megabytes of its parameters.

    Raises:
        DataError: if a photo cannot be decoded; names all of them.
        ModelError: if the weights are missing, damaged or of another backbone.
    """
    # The slow imports, so that a data folder is checked without them.
    import keras  # noqa: PLC0415

    from components.backbone.loading import load_backbone  # noqa: PLC0415

    try:
        backbone = load_backbone(candidate.name, candidate.weights, candidate.image_size)
        embed = _embedding_function(backbone, candidate)
        began = time.perf_counter()
        embedded = [embed(batch) for batch in _decoded_batches(photos, candidate.image_size)]
        seconds = time.perf_counter() - began
        return np.concatenate(embedded), seconds, backbone.count_params() * 4 / 1e6
    finally:
        keras.backend.clear_session()


def _embedding_function(backbone: Any, candidate: Candidate) -> Any:
    """Returns the compiled function from uint8 (batch, size, size, 3) to float32 arrays."""
    import tensorflow as tf  # noqa: PLC0415

    from components.backbone.loading import preprocess  # noqa: PLC0415

    size = candidate.image_size

    @tf.function(input_signature=[tf.TensorSpec([None, size, size, 3], tf.uint8)])
    def embed(batch: Any) -> Any:
        return backbone(preprocess(candidate.name, tf.cast(batch, tf.float32)), training=False)

    return lambda batch: embed(batch).numpy()


def _decoded_batches(photos: ProbePhotos, size: int) -> Iterator[np.ndarray]:
    """Yields uint8 (batch, size, size, 3); after an undecodable photo only looks for others."""
    import tensorflow as tf  # noqa: PLC0415

    from components.transform.preprocessing import decode_photo  # noqa: PLC0415

    def decoded(path: str) -> np.ndarray | None:
        try:
            content = read_bytes(joined(photos.folder, path))
            try:
                photo: np.ndarray = decode_photo(as_graph_reads(content), size).numpy()
            except tf.errors.InvalidArgumentError:
                photo = decode_photo(as_png(content), size).numpy()
        except (OSError, ValueError):
            return None
        return photo

    batch_size = max(1, _BATCH_PIXELS // size**2)
    broken: list[str] = []
    with quiet_pillow(), ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(photos.paths), batch_size):
            paths = photos.paths[start : start + batch_size]
            batch = list(pool.map(decoded, paths))
            broken.extend(p for p, photo in zip(paths, batch, strict=True) if photo is None)
            if not broken:
                yield np.stack([photo for photo in batch if photo is not None])
    if broken:
        raise DataError(
            f"{printable(photos.folder)}: {len(broken)} of {len(photos.paths)} photos cannot be "
            f"decoded; replace or remove them: {shortened_list(map(printable, broken))}."
        )
