"""The commands `runs`, `artifacts` and `gc` as a user runs them, on a store written by hand."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from made_store import CACHED, FAILED, MadeStore
from typer.testing import CliRunner, Result

from cli.main import app
from schemas.moved_store import moved_from

PLAIN = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    """A run that trained a model, one that reused it, and one that failed."""
    made = MadeStore(tmp_path)
    made.context("pipeline_run", "run-1", warmstart_data="/photos", warmstart_version="0.1.0")
    (examples,) = made.execution(
        "run-1",
        "Generator",
        outputs={"examples": made.artifact("Examples", "Generator/examples/1", {"e": "e"})},
        warmstart_seconds=2.5,
    )
    measured = {"photos": 23, "metrics": {"accuracy": 0.9}, "intervals": {"accuracy": [0.7, 0.97]}}
    evaluation = made.artifact(
        "ModelEvaluation", "Eval/evaluation/2", {"measured.json": json.dumps(measured)}
    )
    blessing = made.artifact("ModelBlessing", "Eval/blessing/2", {}, blessed=1)
    ids = made.execution(
        "run-1",
        "Eval",
        inputs={"examples": examples},
        outputs={"evaluation": evaluation, "blessing": blessing},
        warmstart_seconds=10.0,
    )
    made.execution("run-2", "Generator", outputs={"examples": made.known(examples)}, state=CACHED)
    made.execution(
        "run-2",
        "Eval",
        outputs={"evaluation": made.known(ids[0]), "blessing": made.known(ids[1])},
        state=CACHED,
    )
    nodes = {"warmstart_nodes": '{"Generator": [], "Eval": ["Generator"]}'}
    made.context("pipeline_run", "run-3", **nodes)
    made.execution("run-3", "Generator", state=FAILED, warmstart_error="No photos.", size=3)
    return made


def invoke(made: MadeStore, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--output", str(made.root)], env=PLAIN)


def said(made: MadeStore, *arguments: str) -> list[str]:
    result = invoke(made, *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


def found(made: MadeStore, *arguments: str) -> Any:
    return json.loads("\n".join(said(made, *arguments, "--json")))


def test_list_shows_the_newest_first(made: MadeStore) -> None:
    lines = [line.split() for line in said(made, "runs", "list")]

    assert lines[0][:1] == ["run"]
    assert [(line[0], *line[3:]) for line in lines[1:]] == [
        ("run-3", "failed", lines[1][4], "0", "0", "-", "-"),
        ("run-2", "succeeded", lines[2][4], "0", "2", "90.0%", "blessed"),
        ("run-1", "succeeded", "12.5", "2", "0", "90.0%", "blessed"),
    ]


def test_list_counts_what_it_leaves_out(made: MadeStore) -> None:
    lines = said(made, "runs", "list", "--limit", "1")

    assert lines[-1] == "and 2 more; --limit 3 lists all"
    assert [run["run"] for run in found(made, "runs", "list", "--limit", "1")] == ["run-3"]


def test_show_tells_state_time_and_reason_of_each_component(made: MadeStore) -> None:
    lines = said(made, "runs", "show", "run-1")

    assert lines[0] == "Run run-1 of pipeline line"
    assert lines[1].startswith("Succeeded, started ")
    assert lines[1].endswith(" UTC, 12.5 s in 2 components, 0 of them cached")
    assert lines[2:] == [
        "Data         /photos",
        "Version      0.1.0",
        "Commit       not recorded",
        "Accuracy 0.900 (0.700 to 0.970) on 23 photos",
        "Blessed",
        "",
        "✓ Generator             executed        2.5 s  it never ran before.",
        "✓ Eval                  executed       10.0 s  it never ran before.",
    ]


def test_show_of_a_failed_run_tells_the_error_and_what_was_not_reached(made: MadeStore) -> None:
    lines = said(made, "runs", "show", "latest")

    assert lines[-3].startswith("✗ Generator             failed ")
    assert lines[-3].endswith("size is new, 3 since run run-1.")
    assert lines[-2:] == ["    No photos.", "- Eval                  not reached"]
    (component,) = found(made, "runs", "show", "latest")["components"]
    assert component["error"] == "No photos."
    assert component["why"]["reasons"][0]["kind"] == "property"


def test_log_of_a_reused_component_names_the_run_that_it_is_of(made: MadeStore) -> None:
    file = made.output.runs / "run-1" / "logs" / "Eval.txt"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"accuracy 0.9\n\xff no newline")
    text = "accuracy 0.9\n\ufffd no newline"

    own = invoke(made, "runs", "show", "run-1", "--log", "eval")
    assert (own.exit_code, own.stdout, own.stderr) == (0, text, "")
    other = invoke(made, "runs", "show", "run-2", "--log", "Eval")
    assert (other.exit_code, other.stdout) == (0, text)
    assert other.stderr == "Eval was reused from run run-1, which this is the log of.\n"
    assert found(made, "runs", "show", "run-2", "--log", "Eval") == {
        "run": "run-1",
        "node": "Eval",
        "path": str(file),
        "of_other_run": True,
        "text": text,
    }


def test_log_that_is_not_there_is_one_sentence(made: MadeStore) -> None:
    result = invoke(made, "runs", "show", "run-3", "--log", "Generator")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: There is no log of Generator in run run-3 (no logs/Generator.txt in its folder "
        f"below {made.output.runs}): only `warmstart pipeline run` writes one, and `warmstart "
        "runs delete` removes it; run the pipeline again to have one.\n"
    )


def test_why_is_one_line(made: MadeStore) -> None:
    assert said(made, "runs", "why", "run-2", "eval") == [
        "Eval cached: reused from run run-1, less than a minute old; its files are there."
    ]
    assert found(made, "runs", "why", "run-2", "eval")["since"] == "run-1"


def test_compare_leaves_out_what_is_equal(made: MadeStore) -> None:
    lines = said(made, "runs", "compare", "run-1", "run-2")

    assert lines[0] == "run-1 → run-2"
    assert "  Eval: executed in 10.0 s → cached in 0.0 s" in lines
    assert lines[-1] == "Equal: metrics."
    assert found(made, "runs", "compare", "run-1", "run-2")["configuration"] is None


def test_lineage_is_a_tree(made: MadeStore) -> None:
    assert said(made, "runs", "lineage", "1") == [
        "Examples 1 (live), by Generator in run run-1",
        "  in runs run-1, run-2",
        "",
        "made from",
        "  nothing that is recorded",
        "",
        "used for",
        "  ModelEvaluation 2 (live), by Eval in run run-1",
        "  ModelBlessing 3 (live), by Eval in run run-1",
    ]
    assert found(made, "runs", "lineage", "2")["ancestors"][0]["artifact"]["type"] == "Examples"


def test_artifacts_that_are_gone_are_shown_as_missing(made: MadeStore) -> None:
    shutil.rmtree(made.output.artifacts / "Generator")

    lines = said(made, "artifacts", "list", "--type", "Examples")
    assert lines[1].startswith(" 1  Examples  live, files missing  ")
    assert found(made, "artifacts", "list")[-1]["files_missing"] is True
    shown = said(made, "artifacts", "show", "1")
    assert "Files        missing" in shown
    assert "Digest       not recorded" in shown
    assert "its files are gone from disk: Examples." in "\n".join(
        said(made, "runs", "show", "run-2")
    )


def test_artifact_is_shown_with_its_properties(made: MadeStore) -> None:
    lines = said(made, "artifacts", "show", "3")

    assert lines[:3] == ["Id           3", "Type         ModelBlessing", "State        live"]
    assert lines[-2:] == ["Properties", "  blessed: 1"]
    assert found(made, "artifacts", "show", "3")["component"] == "Eval"


def test_delete_only_lists_until_it_is_told_to_do_it(made: MadeStore) -> None:
    lines = said(made, "runs", "delete", "run-1", "run-2")

    assert lines == [
        "run run-1",
        "run run-2",
        f"artifact 1 Examples {made.output.artifacts}/Generator/examples/1",
        "2 artifacts stay: other runs, a blessed model or a pushed one need them.",
        "0.0 MB would be removed; --yes removes it.",
    ]
    assert (made.output.artifacts / "Generator/examples/1").is_dir()

    assert said(made, "runs", "delete", "run-1", "run-2", "--yes")[-1] == "0.0 MB removed."
    assert not (made.output.artifacts / "Generator/examples/1").exists()
    assert [run["run"] for run in found(made, "runs", "list")] == ["run-3"]


def test_gc_without_anything_to_remove_says_so(made: MadeStore) -> None:
    assert said(made, "gc") == ["Nothing to remove."]
    assert found(made, "gc", "--yes")["plan"]["artifacts"] == []


def test_gc_removes_what_a_failure_left(made: MadeStore) -> None:
    failed = max(execution.id for execution in made.store.get_executions())
    left = made.output.artifacts / "Generator" / "examples" / str(failed)
    left.mkdir()

    assert said(made, "gc") == [f"folder {left}", "0.0 MB would be removed; --yes removes it."]
    said(made, "gc", "--yes")
    assert not left.exists()


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (
            ("runs", "show", "run"),
            "Run run can be run-3, run-2, run-1; write more of it.",
        ),
        (
            ("runs", "why", "nine", "Eval"),
            "Run nine: {root} holds no such run; the newest are run-3, run-2, run-1.",
        ),
        (
            ("runs", "why", "run-1", "Tuner"),
            "Run run-1 has no component Tuner; it has Generator, Eval.",
        ),
        (
            ("runs", "compare", "run-1", "latest-pushed"),
            "latest-pushed: no run in {root} has a model that was pushed; `warmstart runs list` "
            "shows them.",
        ),
        (
            ("artifacts", "show", "99"),
            "Artifact 99 is not in the store; `warmstart artifacts list` shows those that are.",
        ),
        (
            ("runs", "delete", "run-1", "nine"),
            "Run nine: {root} holds no such run; the newest are run-3, run-2, run-1.",
        ),
    ],
    ids=["ambiguous", "unknown", "component", "kind", "artifact", "delete"],
)
def test_mistake_is_one_sentence(made: MadeStore, command: tuple[str, ...], sentence: str) -> None:
    result = invoke(made, *command)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {sentence.format(root=made.root)}\n"


@pytest.mark.parametrize(
    "command", [("runs", "list"), ("runs", "show", "latest"), ("artifacts", "list"), ("gc",)]
)
def test_folder_without_a_run_asks_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(app, command, env=PLAIN)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: --output {tmp_path}/warmstart-output holds no run (no metadata.sqlite); run the "
        "pipeline first, with `warmstart pipeline run`, or name the folder that it wrote to.\n"
    )


def test_damaged_store_fails_with_one_sentence(made: MadeStore) -> None:
    made.output.metadata.write_bytes(b"no database" * 400)

    result = invoke(made, "runs", "list")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: {made.output.metadata} cannot be read (file is not a database); it is damaged or "
        "no store of ML Metadata: "
        f"`warmstart doctor --repair --output {made.output.root}` puts back the copy from "
        "before the latest run.\n"
    )


def test_commands_import_neither_tensorflow_nor_tfx(made: MadeStore) -> None:
    script = (
        "import sys; from cli.main import app;"
        f"app(['runs', 'show', 'latest', '--output', {str(made.root)!r}], standalone_mode=False);"
        "print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "review.why" in loaded
    assert {"tensorflow", "tfx", "keras", "apache_beam"}.isdisjoint(loaded)


def test_store_of_a_later_record_is_shown_with_a_note(tmp_path: Path) -> None:
    made = MadeStore(tmp_path)
    made.execution("one", "Trainer")
    made.context("pipeline_run", "one", warmstart_record="2", warmstart_version="0.9.0")

    result = invoke(made, "runs", "list")

    assert result.exit_code == 0
    assert "one" in result.stdout
    assert result.stderr == (
        f"Note: {tmp_path}/metadata.sqlite holds runs that warmstart 0.9.0 recorded (record "
        "version 2), and warmstart 0.1.0 knows up to record version 1: what is new in it is not "
        "shown.\n"
    )


def test_folder_that_was_moved_says_from_where(made: MadeStore, tmp_path: Path) -> None:
    there = tmp_path.with_name(f"{tmp_path.name}-moved")
    shutil.copytree(tmp_path, there)

    result = CliRunner().invoke(app, ["runs", "list", "--output", str(there)], env=PLAIN)

    assert result.exit_code == 0
    assert "run-1" in result.stdout
    assert result.stderr == (
        f"Note: {there} was moved or copied from {tmp_path}, where ML Metadata has what these runs "
        "made: move it back, or run the pipeline again.\n"
    )


def test_other_way_to_the_same_folder_is_no_move(made: MadeStore, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)

    for output in (tmp_path, link):
        result = CliRunner().invoke(app, ["runs", "list", "--output", str(output)], env=PLAIN)
        assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize(
    "uri",
    [
        "gs://bucket/artifacts/a/b/1",
        "/artifacts/a",
        "/x/other/artifacts",
        "/x/other/a/b/1",
        "/x\0y/artifacts/a/b/1",
        b"/x/artifacts/a/b/1",
        f"/{'x/' * 10**5}artifacts/{'/' * 10**6}",
    ],
    ids=range(7),
)
def test_artifacts_elsewhere_tell_no_move(tmp_path: Path, uri: str | bytes) -> None:
    made = MadeStore(tmp_path)
    artifact = made.artifact("Examples", "Generator/examples/1", {})
    made.execution("one", "Generator", outputs={"examples": artifact})
    with closing(sqlite3.connect(made.output.metadata)) as store, store:
        store.execute("UPDATE Artifact SET uri = ?", (uri,))

    assert moved_from(made.output) is None


def test_store_of_a_later_record_is_not_deleted_from(tmp_path: Path) -> None:
    made = MadeStore(tmp_path)
    made.execution("one", "Trainer")
    made.context("pipeline_run", "one", warmstart_record="2", warmstart_version="0.9.0")

    result = invoke(made, "runs", "delete", "one", "--yes")

    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {tmp_path}/metadata.sqlite holds runs that warmstart ")
    assert result.stderr.endswith(
        "; nothing is written to it: upgrade warmstart, or name another folder with --output.\n"
    )
