"""Tests of removing runs and what nothing needs: what goes, what stays, and a kill in between."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from made_store import CACHED, FAILED, RUNNING, MadeStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from review.history import History
from review.removal import Removal, plan_removal, remove
from review.store import opened
from schemas.errors import PipelineError


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    (tmp_path / "output").mkdir()
    return MadeStore(tmp_path / "output")


def add_run(made: MadeStore, run: str, *, blessed: int = 0, pushed_to: Path | None = None) -> Any:
    """Adds a run from examples to a pushed model; returns the ids of what it made, by type."""
    (made.output.runs / run).mkdir(parents=True)
    (made.output.runs / run / "log.txt").write_text("log")
    (examples,) = made.execution(
        run,
        "Generator",
        outputs={"examples": made.artifact("Examples", f"Generator/examples/{run}", {"e": "e"})},
    )
    (model,) = made.execution(
        run,
        "Trainer",
        inputs={"examples": examples},
        outputs={"model": made.artifact("Model", f"Trainer/model/{run}", {"m": "m"})},
    )
    blessing = made.artifact("ModelBlessing", f"Eval/blessing/{run}", {"b": ""}, blessed=blessed)
    (blessing_id,) = made.execution(
        run, "Eval", inputs={"model": model, "examples": examples}, outputs={"blessing": blessing}
    )
    pushed = made.artifact(
        "PushedModel",
        f"Pusher/pushed_model/{run}",
        {"p": "p"},
        pushed=int(pushed_to is not None),
        pushed_destination=str(pushed_to or ""),
    )
    (pushed_id,) = made.execution(
        run,
        "Pusher",
        inputs={"model": model, "blessing": blessing_id},
        outputs={"pushed_model": pushed},
    )
    return {
        "Examples": examples,
        "Model": model,
        "ModelBlessing": blessing_id,
        "PushedModel": pushed_id,
    }


def planned(made: MadeStore, *names: str, do: bool = False) -> Removal:
    with opened(made.output, to_write=do) as store:
        history = History(store, made.output.root)
        runs = history.read([head for head in history.runs() if head.name in names])
        found = plan_removal(history, made.output, runs)
        if do:
            remove(store, found, runs)
        return found


def types(found: Removal) -> list[str]:
    return [artifact.type for artifact in found.artifacts]


def states(made: MadeStore) -> dict[str, Any]:
    return {
        Path(a.uri).relative_to(made.output.artifacts).as_posix(): a.state
        for a in made.store.get_artifacts()
    }


def test_run_that_nothing_needs_goes_whole(made: MadeStore) -> None:
    add_run(made, "one")
    add_run(made, "two")

    found = planned(made, "one", do=True)

    assert types(found) == ["Examples", "Model", "ModelBlessing", "PushedModel"]
    assert not list(made.output.artifacts.glob("*/*/one"))
    assert len(list(made.output.artifacts.glob("*/*/two"))) == 4
    assert [folder.name for folder in made.output.runs.iterdir()] == ["two"]
    with opened(made.output) as store:
        assert [head.name for head in History(store, made.output.root).runs()] == ["two"]
    for place, state in states(made).items():
        wanted = mlmd.Artifact.DELETED if place.endswith("one") else mlmd.Artifact.LIVE
        assert state == wanted, place


def test_plan_changes_nothing(made: MadeStore) -> None:
    add_run(made, "one")
    before = made.output.metadata.read_bytes()

    found = planned(made, "one")

    assert found.runs == ("one",)
    assert found.bytes == len("eemp") - 1 + len("log")
    assert made.output.metadata.read_bytes() == before
    assert len(list(made.output.artifacts.glob("*/*/one"))) == 4


def test_what_another_run_reused_stays(made: MadeStore) -> None:
    ids = add_run(made, "one")
    made.execution(
        "two", "Generator", outputs={"examples": made.known(ids["Examples"])}, state=CACHED
    )

    found = planned(made, "one", do=True)

    assert types(found) == ["Model", "ModelBlessing", "PushedModel"]
    assert found.kept == 1
    assert (made.output.artifacts / "Generator/examples/one/e").is_file()


def test_blessed_model_stays_with_its_blessing(made: MadeStore) -> None:
    add_run(made, "one", blessed=1)

    assert types(planned(made, "one")) == ["Examples", "PushedModel"]


def test_pushed_model_that_is_there_keeps_all_it_was_made_from(made: MadeStore) -> None:
    version = made.output.models / "7"
    version.mkdir(parents=True)
    add_run(made, "one", pushed_to=version)

    found = planned(made, "one", do=True)

    assert types(found) == []
    assert version.is_dir()


def test_pushed_model_that_was_withdrawn_keeps_all_it_was_made_from(made: MadeStore) -> None:
    (made.output.models / ".withdrawn" / "7").mkdir(parents=True)
    add_run(made, "one", pushed_to=made.output.models / "7")

    assert types(planned(made, "one")) == []


def test_pushed_model_that_is_gone_needs_nothing(made: MadeStore) -> None:
    add_run(made, "one", pushed_to=made.output.models / "7")

    assert types(planned(made, "one")) == ["Examples", "Model", "ModelBlessing", "PushedModel"]


def test_artifact_outside_of_the_output_folder_is_never_touched(
    made: MadeStore, tmp_path: Path
) -> None:
    """A store may name any place, and a link may lead to one."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "precious").write_text("!")
    link = made.output.artifacts / "Trainer" / "model" / "link"
    link.parent.mkdir(parents=True)
    link.symlink_to(other)
    places = [str(other), str(link), f"{made.output.artifacts}/../../other", "/", ""]
    for number, place in enumerate(places):
        artifact = made.artifact("Model", f"scratch/model/{number}", {})
        shutil.rmtree(artifact.uri)
        artifact.uri = place
        made.execution("one", f"Trainer{number}", outputs={"model": artifact})

    found = planned(made, "one", do=True)

    assert len(found.artifacts) == len(places)
    assert found.folders == ()
    assert (other / "precious").read_text() == "!"


def test_run_whose_name_is_a_path_loses_no_other_folder(made: MadeStore, tmp_path: Path) -> None:
    made.output.runs.mkdir()
    made.execution("../models", "Trainer")
    (made.output.models / "7").mkdir(parents=True)

    assert planned(made, "../models", do=True).folders == ()
    assert (made.output.models / "7").is_dir()


def test_kill_after_the_marks_leaves_no_result_and_gc_removes_the_rest(
    made: MadeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_run(made, "one")
    folders = list(made.output.artifacts.glob("*/*/one"))

    def killed(folder: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("review.removal.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            planned(made, "one", do=True)
    assert set(states(made).values()) == {mlmd.Artifact.DELETED}
    assert all(folder.is_dir() for folder in folders)

    found = planned(made, do=True)

    assert len(found.artifacts) == 4
    assert not any(folder.exists() for folder in folders)
    assert planned(made).folders == ()


def test_gc_removes_what_an_execution_without_a_result_left(made: MadeStore) -> None:
    made.execution("one", "Trainer", state=FAILED)
    made.execution("two", "Trainer", state=RUNNING)
    failed, running = (execution.id for execution in made.store.get_executions())
    for number in (failed, running):
        (made.output.artifacts / "Trainer" / "model" / str(number)).mkdir(parents=True)

    found = planned(made, do=True)

    assert [folder.name for folder in found.folders] == [str(failed)]
    assert [f.name for f in (made.output.artifacts / "Trainer/model").iterdir()] == [str(running)]


def test_gc_of_runs_that_are_all_kept_removes_nothing(made: MadeStore) -> None:
    add_run(made, "one")
    add_run(made, "two", blessed=1)

    assert planned(made) == Removal((), (), (), 0, 0)


def test_folder_that_cannot_be_removed_is_named(
    made: MadeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may remove anything, so the refusal is made."""
    add_run(made, "one")

    def refused(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("review.removal.shutil.rmtree", refused)
    with pytest.raises(PipelineError) as error:
        planned(made, "one", do=True)

    assert str(error.value) == (
        f"{made.output.artifacts}/Generator/examples/one cannot be removed (Permission denied); "
        "make it writable, and let `warmstart gc --yes` remove the rest."
    )
