"""The command `models` as a user runs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from components.serving.versions import write_record

PLAIN = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["models", *map(str, arguments)], env=PLAIN)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for number in (1700000000, 1700000100):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "saved_model.pb").write_bytes(b"graph")
        write_record(folder, number, run_id=f"run-{number}", accuracy=0.875)
    return tmp_path


def test_list_shows_versions_and_which_is_served(models: Path) -> None:
    invoke("rollback", "--models", models)
    lines = [line.split() for line in invoke("list", "--models", models).stdout.splitlines()]

    assert lines[0] == ["version", "pushed", "(UTC)", "run", "accuracy"]
    assert [(line[0], *line[3:]) for line in lines[1:]] == [
        ("1700000100", "run-1700000100", "87.5%", "withdrawn"),
        ("1700000000", "run-1700000000", "87.5%", "served"),
    ]


def test_list_as_json(models: Path) -> None:
    first, second = json.loads(invoke("list", "--json", "--models", models).stdout)

    assert (first["version"], first["served"], first["withdrawn"]) == (1700000100, True, False)
    assert (first["run_id"], first["accuracy"]) == ("run-1700000100", 0.875)
    assert first["folder"] == str(models / "1700000100")
    assert first["pushed_at"].endswith("+00:00")
    assert not second["served"]


def test_rollback_and_promote_say_what_is_served_now(models: Path) -> None:
    assert invoke("rollback", "--models", models).stdout == (
        "Version 1700000000 is served now; 1700000100 was withdrawn.\n"
    )
    said = invoke("promote", "1700000100", "--models", models).stdout
    newest = max(int(path.name) for path in models.iterdir() if path.name.isdecimal())
    assert said == f"Version {newest} is served now, a copy of 1700000100.\n"
    assert invoke("promote", str(newest), "--models", models).stdout == (
        f"Version {newest} is served already.\n"
    )


def test_prune_says_what_was_removed(models: Path) -> None:
    assert invoke("prune", "--keep", "1", "--models", models).stdout == "Removed 1700000000.\n"
    assert invoke("prune", "--keep", "1", "--models", models).stdout == "Nothing to remove.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["list"], 1, "is no folder of pushed models"),
        (["rollback"], 1, "is no folder of pushed models"),
        (["promote", "1"], 1, "is no folder of pushed models"),
        (["prune", "--keep", "1"], 1, "is no folder of pushed models"),
        (["prune", "--keep", "0"], 2, "--keep"),
        (["prune"], 2, "--keep"),
        (["promote", "newest"], 2, "VERSION"),
    ],
)
def test_mistakes_are_one_sentence(
    tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    result = invoke(*arguments, "--models", tmp_path / "missing")

    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_default_is_where_a_run_pushes_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert str(Path("warmstart-output", "models")) in invoke("list").stderr


def test_command_needs_no_tensorflow(models: Path) -> None:
    import subprocess

    code = f"""
import sys
sys.argv = ["warmstart", "models", "list", "--models", {str(models)!r}]
from cli.main import main
try:
    main()
except SystemExit:
    pass
assert "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
