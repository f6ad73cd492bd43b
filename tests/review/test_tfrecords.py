"""Tests of reading TFRecord files without TensorFlow."""

from __future__ import annotations

import gzip
import os
import threading
from contextlib import closing
from pathlib import Path

import pytest
from placed_artifacts import placed
from record_files import example, framed, record

from review.files import ArtifactFiles
from review.records import Artifact
from review.tfrecords import RecordIndex, feature_bytes, records

PHOTOS = {f"ok/{number}.jpg".encode(): os.urandom(50_000) for number in range(60)}
EXAMPLES = [example(path=path, image=image) for path, image in PHOTOS.items()]
FILE = b"".join(map(record, EXAMPLES))


def contents(files: ArtifactFiles, artifact: Artifact, name: str) -> list[bytes]:
    return [found.content for found in records(files, artifact, name)]


def test_plain_and_packed_files_are_read_alike(tmp_path: Path) -> None:
    files, artifact = placed(tmp_path, {"a": FILE, "b.gz": gzip.compress(FILE)})

    assert contents(files, artifact, "a") == EXAMPLES
    assert contents(files, artifact, "b.gz") == EXAMPLES
    assert contents(files, artifact, "c") == []


def test_what_tensorflow_wrote_is_read(tmp_path: Path) -> None:
    import tensorflow as tf

    feature = {
        "path": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"ok/1.jpg"])),
        "width": tf.train.Feature(int64_list=tf.train.Int64List(value=[7])),
    }
    content = tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
    files, artifact = placed(tmp_path, {})
    with tf.io.TFRecordWriter(str(tmp_path / "artifact" / "a.gz"), "GZIP") as writer:
        writer.write(content)

    assert contents(files, artifact, "a.gz") == [content]
    assert feature_bytes(content, "path", "width", "image") == (b"ok/1.jpg", None, None)


@pytest.mark.parametrize("packed", [False, True])
def test_each_record_is_found_by_its_path(tmp_path: Path, packed: bool) -> None:
    halves = [b"".join(map(record, EXAMPLES[:30])), b"".join(map(record, EXAMPLES[30:]))]
    stored = [gzip.compress(half) if packed else half for half in halves]
    names = ["a.gz", "b.gz"] if packed else ["a", "b"]
    files, artifact = placed(tmp_path, dict(zip(names, stored, strict=True)))
    with closing(RecordIndex(files, artifact, names, feature="path")) as index:
        for path in (*reversed(PHOTOS), *PHOTOS):
            found = index.get(path)
            assert found is not None
            assert feature_bytes(found, "path", "image") == (path, PHOTOS[path])
        assert index.get(b"ok/60.jpg") is None
        index.close()
        assert index.get(b"ok/7.jpg") == EXAMPLES[7]


def test_threads_that_read_one_file_get_what_they_asked_for(tmp_path: Path) -> None:
    files, artifact = placed(tmp_path, {"a.gz": gzip.compress(FILE)})
    index = RecordIndex(files, artifact, ["a.gz"], feature="path")
    wrong: list[bytes] = []

    def read(paths: list[bytes]) -> None:
        wrong.extend(p for p in paths if index.get(p) != EXAMPLES[list(PHOTOS).index(p)])

    orders = [list(PHOTOS), list(PHOTOS)[::-1], list(PHOTOS)[1::2], list(PHOTOS)[::3]]
    threads = [threading.Thread(target=read, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    index.close()

    assert wrong == []


def test_damaged_record_is_left_out_and_those_behind_it_are_read(tmp_path: Path) -> None:
    broken = bytearray(FILE)
    broken[len(record(EXAMPLES[0])) + 1000] ^= 1
    files, artifact = placed(tmp_path, {"a": bytes(broken)})

    assert contents(files, artifact, "a") == [EXAMPLES[0], *EXAMPLES[2:]]


@pytest.mark.parametrize(
    "end",
    [
        framed(1 << 60, b"x" * 100),
        framed((1 << 64) - 1, b""),
        record(EXAMPLES[1])[:-1],
        record(EXAMPLES[1])[:11],
        b"\xff" * 12,
        os.urandom(1000),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_file_ends_where_it_is_broken(tmp_path: Path, end: bytes, packed: bool) -> None:
    content = record(EXAMPLES[0]) + end
    files, artifact = placed(tmp_path, {"a": content, "a.gz": gzip.compress(content)})

    assert contents(files, artifact, "a.gz" if packed else "a") == [EXAMPLES[0]]


@pytest.mark.parametrize(
    "damaged",
    [
        gzip.compress(FILE)[: len(FILE) // 2],
        gzip.compress(record(EXAMPLES[0])) + b"garbage",
        gzip.compress(record(EXAMPLES[0]))[:-8] + b"\0" * 8,
    ],
)
def test_broken_packed_file_gives_what_was_before(tmp_path: Path, damaged: bytes) -> None:
    files, artifact = placed(tmp_path, {"a.gz": damaged})
    found = contents(files, artifact, "a.gz")

    assert found == EXAMPLES[: len(found)]
    assert found
    with closing(RecordIndex(files, artifact, ["a.gz"], feature="path")) as index:
        assert index.get(b"ok/59.jpg") is None
        assert [index.get(b"ok/0.jpg") for _ in range(2)] == EXAMPLES[:1] * 2


def test_what_unpacks_to_very_much_is_not_unpacked_to_the_end(tmp_path: Path) -> None:
    # Two records of zeros that together are 1,000 times as large as the file.
    bomb = gzip.compress(record(b"\0" * 60_000_000) + record(b"\0" * 60_000_000))
    files, artifact = placed(tmp_path, {"a.gz": bomb})

    assert len(bomb) < 200_000
    assert len(contents(files, artifact, "a.gz")) == 1


@pytest.mark.parametrize("content", [b"", b"\xff\xff\xff", b"\x0a\x05abc", os.urandom(500)])
def test_what_is_no_example_has_no_features(content: bytes) -> None:
    assert feature_bytes(content, "path", "image") == (None, None)


def test_file_that_changed_gives_nothing(tmp_path: Path) -> None:
    files, artifact = placed(tmp_path, {"a": FILE})
    with closing(RecordIndex(files, artifact, ["a"], feature="path")) as index:
        assert index.get(b"ok/9.jpg") == EXAMPLES[9]

        index.close()
        (tmp_path / "artifact" / "a").write_bytes(os.urandom(len(FILE)))
        assert index.get(b"ok/3.jpg") is None
        index.close()
        (tmp_path / "artifact" / "a").unlink()
        assert index.get(b"ok/3.jpg") is None
