"""Tests of the Embedder's executor: what its rows hold, and which of them it uses again."""

from __future__ import annotations

import dataclasses
import gc
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hungry_layer import Hungry
from PIL import Image
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from components.backbone.cut import find_cut, split_at
from components.backbone.loading import load_backbone, preprocess
from components.embedder import artifact, rows
from components.embedder.artifact import Embeddings, Recipe
from components.embedder.augmentation import Augmentation, augment, photo_identities
from components.embedder.executor import Executor
from components.embedder.rows import built_backbone, embedding_function
from schemas import features
from schemas.errors import PipelineError

SIZE = 32
VIEWS = 2
SOURCE = 1 << 61  # Added to the number of a photo for what is taken as the hash of its file.
# The architecture with the fewest layers, so that it is traced within a second.
CONFIG: dict[str, Any] = {
    "backbone": "VGG16",
    "weights": "set by the fixture that writes them",
    "image_size": SIZE,
    "views": VIEWS,
    "augmentation": {
        "rotation": 20.0,
        "width_shift": 0.1,
        "height_shift": 0.1,
        "horizontal_flip": True,
        "seed": 7,
    },
    "fine_tune_from": "block4_conv1",
    "max_disk_gb": 1.0,
    "code_digest": "0",
}

# By split, pairs of a photo's number and its class.
Photos = dict[str, list[tuple[int, str]]]
PHOTOS: Photos = {
    "train": [(0, "cat"), (1, "dog"), (2, "cat"), (3, "dog"), (4, "cat")],
    "eval": [(10, "dog"), (11, "Kätz\nchen")],
}


def png(number: int, size: int = SIZE) -> bytes:
    """Returns a photo of coarse noise; equal numbers give equal bytes."""
    noise = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).resize((size, size)).save(stream, "PNG")
    return stream.getvalue()


def digest(number: int) -> bytes:
    return hashlib.sha256(png(number)).digest()


def example(number: int, label: str, size: int) -> bytes:
    """Returns a photo as Transform writes it."""
    feature = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in (
            (features.IMAGE_XF, png(number, size)),
            (features.LABEL_XF, label.encode()),
        )
    }
    feature[features.SOURCE_XF] = tf.train.Feature(
        int64_list=tf.train.Int64List(value=[SOURCE + number])
    )
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


@dataclass(frozen=True)
class Row:
    """A row of embeddings as it is on disk, and parsed."""

    raw: bytes
    parsed: Any

    def value(self, name: str) -> bytes:
        return self.parsed.features.feature[name].bytes_list.value[0]

    @property
    def label(self) -> str:
        return self.value(features.LABEL).decode()


class Embedded:
    """An Embeddings artifact that the executor has written."""

    def __init__(self, made: Embeddings) -> None:
        self.folder = made.uri
        self.manifest = artifact.read_manifest(made.uri)
        self.photos = made.get_int_custom_property("photos")
        self.reused = made.get_int_custom_property("photos_reused")
        self.reused_from = made.get_string_custom_property("reused_from")

    def rows(self, split: str, view: int | None = None) -> list[Row]:
        files = artifact.view_files(self.folder, split, view)
        records = tf.data.TFRecordDataset(files).as_numpy_iterator()
        return [Row(record, tf.train.Example.FromString(record)) for record in records]

    def row(self, split: str, view: int, number: int) -> Row:
        """Returns the row of a photo that is there once."""
        (found,) = (row for row in self.rows(split, view) if row.value("digest") == digest(number))
        return found

    def labels(self, split: str, view: int = 0) -> Counter[tuple[bytes, str]]:
        return Counter((row.value("digest"), row.label) for row in self.rows(split, view))


class Runs:
    """Executions of one Embedder, one after the other, as TFX would make them."""

    def __init__(self, folder: Path, weights: str) -> None:
        self.folder = folder
        self.weights = weights
        self.count = 0

    def run(self, photos: Photos, **changes: Any) -> Embedded:
        self.count += 1
        config = {**CONFIG, "weights": self.weights, **changes}
        examples, statistics = self._inputs(photos, config["image_size"])
        output = Embeddings()
        output.uri = str(self.output(self.count))
        Path(output.uri).mkdir(parents=True)
        context = BaseBeamExecutor.Context(
            beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=none"],
            tmp_dir=str(self.folder / "tmp"),
            unique_id=str(self.count),
        )
        Executor(context).Do(
            {"examples": [examples], "statistics": [statistics]},
            {"embeddings": [output]},
            {"config": json.dumps(config)},
        )
        return Embedded(output)

    def output(self, number: int) -> Path:
        return self.folder / "Embedder" / "embeddings" / str(number)

    def _inputs(self, photos: Photos, size: int) -> tuple[Any, Any]:
        examples, statistics = standard_artifacts.Examples(), standard_artifacts.ExampleStatistics()
        for made, name in ((examples, "Transform"), (statistics, "StatisticsGen")):
            made.uri = str(self.folder / name / str(self.count))
            made.split_names = json.dumps(list(photos))
        for split, numbers in photos.items():
            folder = Path(examples.uri, f"Split-{split}")
            folder.mkdir(parents=True)
            with tf.io.TFRecordWriter(str(folder / "examples-00000-of-00001.gz"), "GZIP") as file:
                for number, label in numbers:
                    file.write(example(number, label, size))
            counted = statistics_pb2.DatasetFeatureStatisticsList()
            counted.datasets.add(name=split, num_examples=len(numbers))
            folder = Path(statistics.uri, f"Split-{split}")
            folder.mkdir(parents=True)
            (folder / "FeatureStats.pb").write_bytes(counted.SerializeToString())
        return examples, statistics


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of random weights."""
    file = tmp_path_factory.mktemp("weights") / "random.weights.h5"
    keras.utils.set_random_seed(1)
    load_backbone("VGG16", "none", SIZE).save_weights(file)
    return str(file)


@pytest.fixture
def runs(tmp_path: Path, weights: str) -> Runs:
    return Runs(tmp_path, weights)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, weights: str) -> tuple[Runs, Embedded]:
    """An execution that found nothing to use again; tests that share it only read or go on."""
    runs = Runs(tmp_path_factory.mktemp("first"), weights)
    return runs, runs.run(PHOTOS)


def test_each_photo_has_one_row_in_each_view(first: tuple[Runs, Embedded]) -> None:
    _, embedded = first
    expected = Counter((digest(number), label) for number, label in PHOTOS["train"])

    for view in range(VIEWS + 1):
        assert embedded.labels("train", view) == expected
    assert len(artifact.view_files(embedded.folder, "train")) == VIEWS + 1


def test_photos_for_evaluation_have_no_changed_views(first: tuple[Runs, Embedded]) -> None:
    _, embedded = first

    assert embedded.labels("eval") == Counter(
        (digest(number), label) for number, label in PHOTOS["eval"]
    )
    assert embedded.rows("eval") == embedded.rows("eval", 0)


@pytest.mark.parametrize("view", range(VIEWS + 1))
def test_row_holds_what_a_forward_pass_gives(first: tuple[Runs, Embedded], view: int) -> None:
    runs, embedded = first
    encoded = tf.constant([png(number) for number, _ in PHOTOS["train"]])
    pixels = tf.stack([tf.io.decode_png(one, channels=3) for one in encoded])
    augmentation = Augmentation(**CONFIG["augmentation"])
    viewed = augment(pixels, photo_identities(encoded), tf.constant(view), augmentation)
    backbone = load_backbone("VGG16", runs.weights, SIZE)
    cut = find_cut(backbone, CONFIG["fine_tune_from"])
    lower, _ = split_at(backbone, cut)
    prepared = preprocess("VGG16", viewed)

    rows = [embedded.row("train", view, number) for number, _ in PHOTOS["train"]]
    embeddings = np.stack([np.frombuffer(row.value("embedding"), np.float32) for row in rows])
    kept = np.stack([np.frombuffer(row.value("activations"), np.float16) for row in rows])

    # Sums of some thousand float32 values in another order, through 13 layers; shifted and
    # rotated pixels differ in their last bits as well. Float16 keeps 11 bits.
    expected = backbone(prepared, training=False).numpy()
    np.testing.assert_allclose(embeddings, expected, rtol=1e-4, atol=1e-4 * expected.max())
    expected = lower(prepared, training=False).numpy().reshape(len(rows), -1)
    np.testing.assert_allclose(kept, expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_manifest_says_what_rows_are_made_of(first: tuple[Runs, Embedded]) -> None:
    runs, embedded = first
    recipe = embedded.manifest.recipe

    assert (recipe.backbone, recipe.image_size, recipe.views) == ("VGG16", SIZE, VIEWS)
    assert recipe.weights == hashlib.sha256(Path(runs.weights).read_bytes()).hexdigest()
    assert (recipe.cut, recipe.augmentation) == ("block3_pool", CONFIG["augmentation"])
    assert embedded.manifest.embedding_shape == [512]
    assert embedded.manifest.activations_shape == [4, 4, 256]


def test_index_lists_the_photos_of_a_split(first: tuple[Runs, Embedded]) -> None:
    _, embedded = first

    for split, numbers in PHOTOS.items():
        expected = [(digest(number), label) for number, label in numbers]
        assert sorted(artifact.read_index(embedded.folder, split)) == sorted(expected)


def test_photo_is_found_by_the_hash_of_its_file(first: tuple[Runs, Embedded]) -> None:
    _, embedded = first

    for split, numbers in PHOTOS.items():
        expected = {SOURCE + number: digest(number) for number, _ in numbers}
        assert artifact.read_sources(embedded.folder, split) == expected


def test_unchanged_photos_are_read_by_digest(first: tuple[Runs, Embedded]) -> None:
    _, embedded = first

    for split, numbers in PHOTOS.items():
        read = dict(artifact.read_embeddings(embedded.folder, split))
        assert set(read) == {digest(number) for number, _ in numbers}
        for number, _ in numbers:
            row = embedded.row(split, 0, number)
            assert read[digest(number)].tobytes() == row.value("embedding")
            assert (read[digest(number)].dtype, read[digest(number)].shape) == (np.float32, (512,))


def test_first_execution_reuses_nothing(first: tuple[Runs, Embedded]) -> None:
    _, embedded = first

    assert (embedded.photos, embedded.reused) == (7, 0)
    assert not embedded.reused_from


@pytest.fixture(scope="module")
def second(first: tuple[Runs, Embedded]) -> Embedded:
    """Photo 0 has changed its class, 1 is gone, 5 is new; in the evaluation split 12 is new."""
    runs, _ = first
    train = [(0, "dog"), *PHOTOS["train"][2:], (5, "bird")]
    return runs.run({"train": train, "eval": [*PHOTOS["eval"], (12, "cat")]})


def test_second_execution_says_what_it_reused(
    first: tuple[Runs, Embedded], second: Embedded
) -> None:
    assert (second.photos, second.reused) == (8, 6)
    assert second.reused_from == first[1].folder


def test_reused_rows_hold_the_same_values(first: tuple[Runs, Embedded], second: Embedded) -> None:
    for split, view, number in (("train", 0, 2), ("train", 1, 3), ("train", 2, 4), ("eval", 0, 11)):
        before = first[1].row(split, view, number)
        assert second.row(split, view, number).parsed == before.parsed


def test_rows_follow_the_photos_of_the_second_execution(second: Embedded) -> None:
    expected = [(0, "dog"), (2, "cat"), (3, "dog"), (4, "cat"), (5, "bird")]

    for view in range(VIEWS + 1):
        assert second.labels("train", view) == Counter(
            (digest(number), label) for number, label in expected
        )


def test_photo_with_another_class_keeps_its_embedding(
    first: tuple[Runs, Embedded], second: Embedded
) -> None:
    before, after = first[1].row("train", 1, 0), second.row("train", 1, 0)

    assert (before.label, after.label) == ("cat", "dog")
    for name in ("embedding", "activations"):
        assert after.value(name) == before.value(name)


@pytest.mark.slow
def test_new_photo_has_the_row_of_a_fresh_execution(runs: Runs, second: Embedded) -> None:
    alone = runs.run({"train": [(5, "bird")], "eval": [(12, "cat")]})

    for view in range(VIEWS + 1):
        # Alone in its batch: sums may be taken in another order.
        np.testing.assert_allclose(
            np.frombuffer(second.row("train", view, 5).value("embedding"), np.float32),
            np.frombuffer(alone.row("train", view, 5).value("embedding"), np.float32),
            rtol=1e-4,
            atol=1e-6,
        )


def test_photo_that_is_there_twice_stays_twice_over_runs(runs: Runs) -> None:
    """Rows of the earlier run times photos of this one would be four, then eight."""
    photos = {"train": [(0, "cat"), (0, "cat"), (1, "dog")], "eval": [(10, "dog"), (10, "cat")]}
    expected = {
        split: Counter((digest(number), label) for number, label in numbers)
        for split, numbers in photos.items()
    }

    for _ in range(2):
        embedded = runs.run(photos, views=0)
        assert embedded.labels("train") == expected["train"]
        assert embedded.labels("eval") == expected["eval"]


RECIPE = Recipe(
    backbone="VGG16",
    weights="none",
    image_size=32,
    cut="",
    views=2,
    augmentation={"seed": 7},
    code="0",
)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Recipe)])
def test_key_depends_on_everything_in_the_recipe(name: str) -> None:
    changed = {int: 99, str: "other", dict: {"seed": 8}}[type(getattr(RECIPE, name))]

    assert dataclasses.replace(RECIPE).key == RECIPE.key
    assert dataclasses.replace(RECIPE, **{name: changed}).key != RECIPE.key


CHANGES: dict[str, dict[str, Any]] = {
    "seed": {"augmentation": {**CONFIG["augmentation"], "seed": 8}},
    "rotation": {"augmentation": {**CONFIG["augmentation"], "rotation": 5.0}},
    "views": {"views": 1},
    "backbone": {"backbone": "VGG19", "weights": "none"},
    "weights": {"weights": "none"},
    "size": {"image_size": 40},
    "code": {"code_digest": "1"},
    "cut": {"fine_tune_from": "none"},
}


@pytest.mark.slow
@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_rows_of_another_recipe_are_not_reused(
    first: tuple[Runs, Embedded], changes: dict[str, Any]
) -> None:
    runs, _ = first

    embedded = runs.run({"train": PHOTOS["train"][:2], "eval": []}, **changes)

    assert (embedded.photos, embedded.reused) == (2, 0)
    assert not embedded.reused_from


@pytest.mark.slow
def test_newest_artifact_of_the_recipe_is_reused(runs: Runs) -> None:
    photos: Photos = {"train": [(0, "cat")], "eval": []}
    runs.run(photos)
    newest = runs.run({"train": [(0, "cat"), (1, "dog")], "eval": []})
    runs.run(photos, code_digest="1")

    assert runs.run(photos).reused_from == newest.folder


def test_artifact_of_a_killed_execution_is_ignored(runs: Runs) -> None:
    photos: Photos = {"train": [(0, "cat"), (1, "dog")], "eval": []}
    killed = runs.run(photos, views=0)
    Path(artifact.manifest_file(killed.folder)).unlink()
    (runs.output(1).parent / ".temp").mkdir()
    (runs.output(1).parent / "notes.txt").write_text("mine")

    embedded = runs.run(photos, views=0)

    assert (embedded.photos, embedded.reused) == (2, 0)


@pytest.mark.parametrize("manifest", ["", '{"recipe": {"depth": 3}}'], ids=["empty", "older"])
def test_artifact_of_another_version_is_ignored(runs: Runs, manifest: str) -> None:
    """What an earlier warmstart, or a full disk, left must not stop every later run."""
    old = runs.output(1)
    old.mkdir(parents=True)
    Path(artifact.manifest_file(str(old))).write_text(manifest)
    runs.count = 1

    assert runs.run({"train": [(0, "cat")], "eval": []}, views=0).reused == 0


def test_activations_are_not_kept_without_a_disk_budget(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    embedded = runs.run(PHOTOS, max_disk_gb=0.0, views=1)

    assert embedded.manifest.recipe.cut == ""
    assert embedded.manifest.activations_shape == []
    for row in embedded.rows("train") + embedded.rows("eval"):
        assert sorted(row.parsed.features.feature) == ["digest", "embedding", "label"]
    assert (
        "Activations at block3_pool would take 0.0 GB, more than embed.max_disk_gb = 0.0: "
        "stage 2 computes them in every epoch instead."
    ) in caplog.messages


@pytest.mark.slow
@pytest.mark.parametrize(("spare", "kept"), [(1, True), (-1, False)], ids=["enough", "too little"])
def test_disk_budget_counts_every_view_of_every_photo(runs: Runs, spare: int, kept: bool) -> None:
    photos: Photos = {"train": [(0, "cat"), (1, "dog")], "eval": [(10, "cat")]}
    # Two photos in three views, one in one; 4 by 4 positions, 256 values each, of two bytes.
    needed = (2 * 3 + 1) * 4 * 4 * 256 * 2

    embedded = runs.run(photos, max_disk_gb=(needed + spare) / 1e9)

    assert bool(embedded.manifest.activations_shape) == kept


@pytest.mark.slow
@pytest.mark.parametrize("start", ["none", "all"])
def test_nothing_is_kept_where_nothing_or_everything_learns(runs: Runs, start: str) -> None:
    embedded = runs.run({"train": [(0, "cat")], "eval": []}, fine_tune_from=start)

    (row, *_) = embedded.rows("train")
    assert sorted(row.parsed.features.feature) == ["digest", "embedding", "label"]


@pytest.mark.slow
def test_number_of_views_is_chosen_by_the_number_of_photos(runs: Runs) -> None:
    photos: Photos = {"train": [(0, "cat")], "eval": []}

    embedded = runs.run(photos, views="auto")

    assert embedded.manifest.recipe.views == 15
    assert len(embedded.rows("train")) == 16


@pytest.mark.slow
def test_random_backbone_gives_the_same_rows_in_every_execution(runs: Runs) -> None:
    """Else rows of one random backbone would be mixed with those of another."""
    photos: Photos = {"train": [(0, "cat")], "eval": []}
    settings = {"weights": "none", "fine_tune_from": "none", "views": 0}
    first = runs.run(photos, **settings)
    for cached in (built_backbone, embedding_function):
        cached.cache_clear()  # As in another process.
    second = runs.run(photos, **settings, code_digest="1")

    assert second.reused == 0
    np.testing.assert_allclose(
        np.frombuffer(second.row("train", 0, 0).value("embedding"), np.float32),
        np.frombuffer(first.row("train", 0, 0).value("embedding"), np.float32),
        rtol=1e-4,
    )


@contextmanager
def memory_for(most: int) -> Iterator[None]:
    """Lets the backbone run out of memory with more photos at a time."""
    hungry = Hungry(most)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "preprocess", lambda name, photos: hungry(preprocess(name, photos)))
        embedding_function.cache_clear()
        yield
    embedding_function.cache_clear()


def test_rows_are_the_same_where_memory_runs_out(
    runs: Runs, first: tuple[Runs, Embedded], caplog: pytest.LogCaptureFixture
) -> None:
    _, whole = first

    with memory_for(2):
        parts = runs.run(PHOTOS)

    assert "Memory ran out with 5 photos at a time: it goes on with 2" in caplog.text
    for split, photos in PHOTOS.items():
        for view in range(VIEWS + 1 if split == "train" else 1):
            assert parts.labels(split, view) == whole.labels(split, view)
            for number, _ in photos:
                ours, theirs = (made.row(split, view, number) for made in (parts, whole))
                for name, dtype in (("embedding", np.float32), ("activations", np.float16)):
                    np.testing.assert_allclose(
                        np.frombuffer(ours.value(name), dtype),
                        np.frombuffer(theirs.value(name), dtype),
                        rtol=1e-3,
                        atol=1e-5,
                    )


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # Beam's, when it fails.
def test_no_memory_for_one_photo_is_told_in_a_sentence(runs: Runs) -> None:
    with memory_for(0), pytest.raises(PipelineError) as error:
        runs.run(PHOTOS)
    said = str(error.value)
    del error
    gc.collect()

    assert said == (
        "Memory runs out even with one photo at a time; lower image.size, or choose a smaller "
        "backbone.name."
    )
