"""Which training photos look most like a photo, to the frozen backbone."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from review.examples import examples_behind
from review.files import ArtifactFiles
from review.history import History
from review.photos import Photo
from review.records import Artifact, Run
from review.tfrecords import RecordIndexes, feature_bytes, records
from schemas.embedded_table import COLUMNS, EMBEDDED_FILE
from schemas.features import TRAIN

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_SUSPICIONS = "LabelSuspicions"
_EMBEDDINGS_INPUT = "embeddings"
_EXAMPLES_INPUT = "examples"

# Of a row.
_DIGEST = "digest"
_EMBEDDING = "embedding"
_FLOAT_BYTES = 4
# No backbone has so many channels.
_MOST_BYTES = 16384 * _FLOAT_BYTES

# The rows of the photos themselves, not of changed views of them.
_ROWS = "Split-{split}/view-00-"

_ROWS_AT_A_TIME = 1024
# Of all embeddings that are kept; those of more photos are read anew for each question.
_MOST_KEPT = 64_000_000


@dataclass(frozen=True)
class EmbeddedPhotos:
    """The photos of a run, and under which digest their embeddings are kept.

    Attributes:
        embeddings: the artifact.
        digests: of each photo, raw.
        trained_on: training photos by their digest; copies have the same.
    """

    embeddings: Artifact
    digests: Mapping[Photo, bytes]
    trained_on: Mapping[bytes, tuple[Photo, ...]]


@dataclass(frozen=True)
class Neighbour:
    """A training photo that looks like another photo.

    Attributes:
        photo: the training photo.
        similarity: cosine of the angle between the embeddings, -1 to 1.
    """

    photo: Photo
    similarity: float


def embedded_photos(history: History, run: Run) -> EmbeddedPhotos | None:
    """Returns which photo of a run has which embedding; None where that is not recorded."""
    artifacts = history.artifacts(number for one in run.executions for number in one.output_ids)
    for execution in run.executions:
        embeddings = history.artifacts(execution.inputs.get(_EMBEDDINGS_INPUT, ()))
        examples = execution.inputs.get(_EXAMPLES_INPUT, ())
        made = (artifacts[number] for number in execution.output_ids if number in artifacts)
        suspicions = next((one for one in made if one.type == _SUSPICIONS), None)
        if suspicions and embeddings and examples:
            found = _embedded(
                next(iter(embeddings.values())), _photos(history, suspicions, examples[0])
            )
            return found if found.digests else None
    return None


class Neighbours:
    """Finds training photos that look like another photo; for many threads."""

    def __init__(self, files: ArtifactFiles) -> None:
        """Reads nothing yet.

        Args:
            files: that opens those of artifacts.
        """
        self._files = files
        self._rows = RecordIndexes(files, feature=_DIGEST)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[_Block, ...]] = OrderedDict()
        self._too_many: set[str] = set()

    def nearest(self, embedded: EmbeddedPhotos, photo: Photo, count: int = 5) -> list[Neighbour]:
        """Returns the training photos that look most like a photo, the most similar first.

        Args:
            embedded: photos of a run.
            photo: one of them; it is not its own neighbour, but a copy of it is.
            count: how many, at most.
        """
        import numpy as np  # noqa: PLC0415 (a tenth of a second)

        wanted = self._embedding(embedded, photo)
        if wanted is None or count < 1:
            return []
        best: list[tuple[float, bytes]] = []
        for block in self._blocks(embedded.embeddings):
            if block.unit.shape[1] != len(wanted):
                continue
            # One more than asked for: the photo itself may be among them.
            similarity = block.unit @ wanted
            places = np.argsort(-similarity, kind="stable")[: count + 1]
            best += [(float(similarity[place]), block.digests[place]) for place in places]
            best = list(dict.fromkeys(sorted(best, key=lambda pair: -pair[0])))[: count + 1]
        found = [
            Neighbour(other, similarity)
            for similarity, digest in best
            for other in embedded.trained_on.get(digest, ())
            if other != photo
        ]
        return found[:count]

    def close(self) -> None:
        """Closes its files, and forgets what it keeps."""
        self._rows.close()
        with self._lock:
            self._kept.clear()

    def _embedding(self, embedded: EmbeddedPhotos, photo: Photo) -> npt.NDArray[np.float32] | None:
        digest = embedded.digests.get(photo)
        if digest is None:
            return None
        index = self._rows.get(embedded.embeddings, _ROWS.format(split=photo.split))
        row = _row(index.get(digest) or b"")
        block = _block([row]) if row else None
        return block.unit[0] if block else None

    def _blocks(self, embeddings: Artifact) -> Iterable[_Block]:
        """Returns the embeddings of the training photos, kept or as they are read."""
        key = embeddings.uri
        with self._lock:
            if key in self._too_many:
                return self._read(embeddings)
            if key not in self._kept:
                blocks = self._fitting(embeddings)
                if blocks is None:
                    self._too_many.add(key)
                    return self._read(embeddings)
                self._kept[key] = blocks
                while sum(map(_size, self._kept.values())) > _MOST_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]

    def _fitting(self, embeddings: Artifact) -> tuple[_Block, ...] | None:
        """Reads all embeddings; None if they are too many to be kept."""
        blocks: list[_Block] = []
        for block in self._read(embeddings):
            blocks.append(block)
            if _size(blocks) > _MOST_KEPT:
                return None
        return tuple(blocks)

    def _read(self, embeddings: Artifact) -> Iterator[_Block]:
        prefix = _ROWS.format(split=TRAIN)
        names = [f.name for f in self._files.listing(embeddings) if f.name.startswith(prefix)]
        rows = (row.content for name in names for row in records(self._files, embeddings, name))
        # Row for row: with activations, a thousand of them would take hundreds of megabytes.
        pairs = filter(None, map(_row, rows))
        while some := list(islice(pairs, _ROWS_AT_A_TIME)):
            block = _block(some)
            if block:
                yield block


@dataclass(frozen=True, eq=False)
class _Block:
    """Embeddings of some photos.

    Attributes:
        digests: of the photos, raw.
        unit: float32 (photos, channels), each of length 1.
    """

    digests: tuple[bytes, ...]
    unit: npt.NDArray[np.float32]


def _size(blocks: Iterable[_Block]) -> int:
    return sum(block.unit.nbytes for block in blocks)


def _row(row: bytes) -> tuple[bytes, bytes] | None:
    """Returns digest and embedding, raw; None where a row has no such."""
    digest, embedding = feature_bytes(row, _DIGEST, _EMBEDDING)
    if digest and embedding and len(embedding) <= _MOST_BYTES:
        return digest, embedding
    return None


def _block(rows: Sequence[tuple[bytes, bytes]]) -> _Block | None:
    """Brings rows together; those of another length than the first, or of no direction, are not."""
    import numpy as np  # noqa: PLC0415 (a tenth of a second)

    length = len(rows[0][1]) if rows else 0
    kept = [(digest, raw) for digest, raw in rows if len(raw) == length]
    if not kept or length % _FLOAT_BYTES:
        return None
    vectors = np.frombuffer(b"".join(raw for _, raw in kept), np.float32).reshape(len(kept), -1)
    with np.errstate(all="ignore"):
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    usable = np.flatnonzero(np.isfinite(unit).all(axis=1))
    return _Block(tuple(kept[n][0] for n in usable), unit[usable]) if usable.size else None


def _photos(history: History, suspicions: Artifact, examples: int) -> Iterator[tuple[Photo, bytes]]:
    """Yields each photo with its digest, where both are recorded."""
    found = examples_behind(history, examples)
    known = {(p.path, p.label, p.split): p for p in found.photos} if found else {}
    for row in history.files.read_table(suspicions, EMBEDDED_FILE) or ():
        path, label, split, digest = (row.get(column) for column in COLUMNS)
        photo = known.get((path, label, split)) if path and label and split else None
        try:
            raw = bytes.fromhex(digest or "")
        except ValueError:
            continue
        if photo and raw:
            yield photo, raw


def _embedded(embeddings: Artifact, pairs: Iterable[tuple[Photo, bytes]]) -> EmbeddedPhotos:
    digests = dict(pairs)
    trained_on: dict[bytes, list[Photo]] = defaultdict(list)
    for photo, digest in digests.items():
        if photo.split == TRAIN:
            trained_on[digest].append(photo)
    return EmbeddedPhotos(
        embeddings, digests, {digest: tuple(photos) for digest, photos in trained_on.items()}
    )
