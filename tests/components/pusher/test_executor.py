"""Tests of pushing a model: a version appears whole or not at all."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import proto_utils

from components.pusher.executor import Executor
from components.serving.versions import find_versions, roll_back, run_id_of
from schemas.errors import PipelineError

# What a copy may fail with; TFX's own has no message.
COPY_ERRORS = (OSError, fileio.NotFoundError, tf.errors.OpError)

# Of each of two processes.
PUSHES = 20

MODEL = {
    "saved_model.pb": b"graph",
    "fingerprint.pb": b"fingerprint",
    "variables/variables.index": b"index",
    "variables/variables.data-00000-of-00001": b"weights",
    "assets/classes.json": b'["cat", "dog"]',
}


def files(folder: Path) -> dict[str, bytes]:
    """Returns the content of every file below a folder, but for the record of a version."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "assets.extra"
    }


def names(folder: Path) -> list[str]:
    """Returns what lies in a folder, hidden or not, but for a lock; nothing without a folder."""
    found = folder.iterdir() if folder.exists() else ()
    return sorted(path.name for path in found if path.name != ".lock")


class Push:
    """A trained model, its blessing, and the place where it is to be served from."""

    def __init__(self, folder: Path, models: Path | None = None) -> None:
        self.models = models or folder / "models"
        self.trained = folder / "trained" / "Format-Serving"
        self.archive = folder / "pushed"
        for path, content in MODEL.items():
            (self.trained / path).parent.mkdir(parents=True, exist_ok=True)
            (self.trained / path).write_bytes(content)

    def run(
        self,
        *,
        blessed: bool = True,
        keep: int | None = None,
        servable: bool = True,
        statistics: Any = None,
    ) -> Any:
        """Runs the executor as TFX would; returns the PushedModel artifact."""
        model, blessing = standard_artifacts.Model(), standard_artifacts.ModelBlessing()
        pushed = standard_artifacts.PushedModel()
        model.uri = str(self.trained.parent)
        blessing.set_int_custom_property("blessed", int(blessed))
        infra_blessing = standard_artifacts.InfraBlessing()
        infra_blessing.set_int_custom_property("blessed", int(servable))
        pushed.uri = str(self.archive)
        destination = pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(self.models))
        )
        properties = {"push_destination": proto_utils.proto_to_json(destination)}
        Executor(BaseExecutor.Context(pipeline_run_id="run 1")).Do(
            {
                "model": [model],
                "model_blessing": [blessing],
                "infra_blessing": [infra_blessing],
                "statistics": [statistics] if statistics else [],
            },
            {"pushed_model": [pushed]},
            properties | ({} if keep is None else {"keep": keep}),
        )
        return artifact_utils.get_single_instance([pushed])


@pytest.fixture
def push(tmp_path: Path) -> Push:
    return Push(tmp_path)


def test_blessed_model_lies_whole_in_a_numbered_folder_and_nothing_else(push: Push) -> None:
    push.run()

    (version,) = names(push.models)
    assert version.isdecimal()
    assert files(push.models / version) == MODEL


def test_pushed_artifact_names_the_final_folder(push: Push) -> None:
    pushed = push.run()

    (version,) = names(push.models)
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_version") == version
    assert pushed.get_string_custom_property("pushed_destination") == str(push.models / version)
    assert files(push.archive) == MODEL


def test_model_that_is_not_blessed_is_not_pushed(push: Push) -> None:
    pushed = push.run(blessed=False)

    assert pushed.get_int_custom_property("pushed") == 0
    assert names(push.models) == []
    assert names(push.archive) == []


def test_model_that_serving_validator_refused_is_not_pushed(push: Push) -> None:
    pushed = push.run(servable=False)

    assert pushed.get_int_custom_property("pushed") == 0
    assert names(push.models) == []


def test_version_says_which_run_it_is_from(push: Push) -> None:
    """Its accuracy is that of the Evaluator, which did not run here."""
    push.run()

    (version,) = find_versions(push.models)
    assert (version.run_id, version.accuracy) == ("run 1", None)
    assert names(push.archive) == ["assets", "fingerprint.pb", "saved_model.pb", "variables"]


def test_statistics_of_the_training_photos_travel_with_the_version(
    push: Push, tmp_path: Path
) -> None:
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri = str(tmp_path / "statistics")
    statistics.split_names = artifact_utils.encode_split_names(["train", "eval"])
    for split in ("train", "eval"):
        (tmp_path / "statistics" / f"Split-{split}").mkdir(parents=True)
        (tmp_path / "statistics" / f"Split-{split}" / "FeatureStats.pb").write_text(split)

    push.run(statistics=statistics)

    (version,) = find_versions(push.models)
    kept = version.folder / "assets.extra" / "statistics"
    assert names(kept) == ["Split-train"]
    assert (kept / "Split-train" / "FeatureStats.pb").read_text() == "train"


def test_oldest_versions_are_removed_after_a_push(push: Push) -> None:
    pushed = [push.run(keep=2).get_string_custom_property("pushed_version") for _ in range(4)]

    assert names(push.models) == pushed[-2:]


def test_version_that_was_withdrawn_shares_its_number_with_no_other(push: Push) -> None:
    for _ in range(2):
        push.run()
    withdrawn, _ = roll_back(push.models)
    pushed = push.run()

    assert int(pushed.get_string_custom_property("pushed_version")) > withdrawn.number


def test_model_that_is_not_blessed_leaves_earlier_versions_alone(push: Push) -> None:
    push.run()
    before = files(push.models)

    push.run(blessed=False)

    assert files(push.models) == before


def test_what_a_killed_run_left_behind_is_cleared(push: Push) -> None:
    left = push.models / ".incoming" / "1700000000" / "variables" / "variables.index"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half of it")

    push.run()

    (version,) = names(push.models)
    assert files(push.models / version) == MODEL


def test_processes_that_push_at_once_get_versions_of_their_own_and_none_is_seen_half(
    tmp_path: Path,
) -> None:
    """Each pushes another model, again and again; this process looks as a server would."""
    models = tmp_path / "models"
    pushes = [Push(tmp_path / name, models) for name in ("one", "two")]
    for number, push in enumerate(pushes):
        (push.trained / "saved_model.pb").write_bytes(b"graph %d" % number)
    forked = multiprocessing.get_context("fork")
    told: Any = forked.Queue()

    def push_often(push: Push) -> None:
        for _ in range(PUSHES):
            pushed = push.run(keep=2 * PUSHES)
            graph = (push.trained / "saved_model.pb").read_bytes()
            told.put((pushed.get_string_custom_property("pushed_version"), graph))

    processes = [forked.Process(target=push_often, args=(push,)) for push in pushes]
    for process in processes:
        process.start()
    seen: set[str] = set()
    while any(process.is_alive() for process in processes):
        for name in set(filter(str.isdecimal, names(models))) - seen:
            found = files(models / name)
            assert MODEL | {"saved_model.pb": found["saved_model.pb"]} == found
            seen.add(name)
    versions = dict(told.get(timeout=10) for _ in range(2 * PUSHES))

    assert [process.exitcode for process in processes] == [0, 0]
    assert names(models) == sorted(versions)
    assert len(versions) == 2 * PUSHES
    for version, graph in versions.items():
        assert files(models / version) == MODEL | {"saved_model.pb": graph}
        assert run_id_of(models / version) == "run 1"


def test_pushes_within_a_second_get_versions_of_their_own(push: Push) -> None:
    versions = []
    for number in range(3):
        (push.trained / "saved_model.pb").write_bytes(b"graph %d" % number)
        versions.append(push.run().get_string_custom_property("pushed_version"))

    assert versions == sorted(set(versions), key=int)
    assert names(push.models) == versions
    for number, version in enumerate(versions):
        assert files(push.models / version) == MODEL | {"saved_model.pb": b"graph %d" % number}


def test_other_things_in_the_folder_of_models_are_kept(push: Push) -> None:
    (push.models / "1").mkdir(parents=True)
    (push.models / "1" / "saved_model.pb").write_bytes(b"old")
    (push.models / "README").write_bytes(b"mine")

    push.run()

    assert len(names(push.models)) == 3
    assert (push.models / "1" / "saved_model.pb").read_bytes() == b"old"
    assert (push.models / "README").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "broken", ["saved_model.pb", "variables/variables.index", "assets/classes.json"]
)
def test_copy_that_fails_halfway_leaves_no_version_and_is_made_up_for(
    push: Push, broken: str
) -> None:
    (push.trained / broken).unlink()
    (push.trained / broken).symlink_to(push.trained / "missing")

    with pytest.raises((*COPY_ERRORS, PipelineError)):
        push.run()
    assert [name for name in names(push.models) if name.isdecimal()] == []

    (push.trained / broken).unlink()
    (push.trained / broken).write_bytes(MODEL[broken])
    push.run()
    (version,) = names(push.models)
    assert files(push.models / version) == MODEL


@pytest.mark.parametrize("missing", ["", "saved_model.pb"], ids=["all of it", "its graph"])
def test_model_that_is_missing_leaves_no_version(push: Push, missing: str) -> None:
    """TFX takes an absent folder for an empty one: the newest version would be an empty folder."""
    (push.trained / missing).rename(push.trained.parent / "elsewhere")

    with pytest.raises(Exception, match=str(push.trained)):
        push.run()

    assert [name for name in names(push.models) if name.isdecimal()] == []


def test_destination_that_is_a_file_is_an_error_and_stays(push: Push) -> None:
    push.models.write_bytes(b"mine")

    with pytest.raises(Exception, match="models"):
        push.run()

    assert push.models.read_bytes() == b"mine"
