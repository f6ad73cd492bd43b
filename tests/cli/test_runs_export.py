"""The command `runs export` as a user runs it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from made_store import MadeStore
from typer.testing import CliRunner, Result

from cli.main import app


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MadeStore:
    """A run, and a folder of its own to write to."""
    (tmp_path / "output").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    made = MadeStore(tmp_path / "output")
    made.execution("run/1", "Trainer", outputs={"model": made.artifact("Model", "1", {})})
    return made


def export(made: MadeStore, *arguments: str | Path) -> Result:
    options = [*map(str, arguments), "--output", str(made.root)]
    return CliRunner().invoke(app, ["runs", "export", "latest", *options])


def test_html_is_one_file_that_loads_nothing(made: MadeStore) -> None:
    result = export(made)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "Exported run run/1 to run-run_1.html\n"
    (file,) = Path().iterdir()
    html = file.read_text()
    assert html.startswith("<!doctype html>")
    assert 'href="#c1"' in html
    assert not re.search(r'(?:src|href)="(?!#|data:)', html)
    assert "<script" not in html


def test_openlineage_is_a_file_of_json_lines_here(made: MadeStore) -> None:
    result = export(made, "--format", "openlineage")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "Exported run run/1 to run-run_1.openlineage.jsonl\n"
    (file,) = Path().iterdir()
    kinds = [json.loads(line)["eventType"] for line in file.read_text().splitlines()]
    assert kinds == ["START", "START", "COMPLETE", "COMPLETE"]


def test_mlflow_is_a_tracking_folder_here(made: MadeStore) -> None:
    result = export(made, "--format", "mlflow", "--json")

    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert (said["run"], said["format"]) == ("run/1", "mlflow")
    assert Path(said["path"]).parent.parent == Path("mlruns")
    assert (Path(said["path"]) / "meta.yaml").is_file()


@pytest.mark.parametrize(
    ("name", "place"),
    [("html", "run.html"), ("openlineage", "events.jsonl"), ("mlflow", "tracking")],
)
def test_what_is_there_is_replaced_only_with_force(made: MadeStore, name: str, place: str) -> None:
    export(made, "--format", name, "--to", place)
    (file,) = (
        path
        for path in Path().rglob("*")
        if path.name in {place, "meta.yaml"} and path.is_file() and len(path.parts) in {1, 4}
    )
    file.write_text("old")

    again = export(made, "--format", name, "--to", place)
    there = file.parent if name == "mlflow" else file
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr == (
        f"Error: --to {place}: the run is there already ({there}); name another place, or replace "
        "it with --force.\n"
    )
    assert file.read_text() == "old"
    assert export(made, "--format", name, "--to", place, "--force").exit_code == 0
    assert file.read_text() != "old"


def test_place_that_cannot_be_written_to_is_named(made: MadeStore) -> None:
    missing = Path("missing") / "events.jsonl"
    result = export(made, "--format", "openlineage", "--to", missing)

    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: --to {missing}: {missing.absolute().parent} is no folder that you may write to; "
        "name another place.\n"
    )


def test_file_and_folder_are_not_taken_for_each_other(made: MadeStore) -> None:
    Path("folder").mkdir()
    Path("file").touch()

    assert export(made, "--format", "openlineage", "--to", "folder").stderr == (
        "Error: --to folder: this is a folder; name a file.\n"
    )
    assert export(made, "--format", "mlflow", "--to", "file").stderr == (
        "Error: --to file: this is a file; name a folder.\n"
    )


def test_unknown_format_names_those_there_are(made: MadeStore) -> None:
    result = export(made, "--format", "csv")

    assert (result.exit_code, result.stderr) == (
        2,
        "Error: --format csv: there are html, openlineage, mlflow.\n",
    )
