"""Tests of which corrections a command takes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from photo_files import add_classes
from typer.testing import CliRunner

from cli.corrections_file import chosen_corrections
from cli.main import app
from schemas.corrections import KEEP, LEAVE_OUT, RELABEL, Correction, write_corrections
from schemas.errors import ConfigError

FIRST, SECOND = (Correction(f"cat/{n}.jpg", f"{n:064}", "cat", KEEP) for n in range(2))


@pytest.fixture
def default(tmp_path: Path) -> Path:
    write_corrections(tmp_path / "corrections.csv", [FIRST])
    return tmp_path / "corrections.csv"


def test_default_is_taken_where_nothing_is_named(default: Path) -> None:
    assert chosen_corrections(None, default) == [FIRST]
    assert chosen_corrections(None, default.with_name("absent.csv")) == []
    assert chosen_corrections(None) == []


def test_file_that_is_named_goes_before_the_default(default: Path) -> None:
    other = default.with_name("other.csv")
    write_corrections(other, [SECOND])

    assert chosen_corrections(str(other), default) == [SECOND]


def test_none_ignores_the_default(default: Path) -> None:
    assert chosen_corrections("none", default) == []


def test_file_that_is_named_must_exist(default: Path) -> None:
    with pytest.raises(ConfigError) as error:
        chosen_corrections("absent\n.csv", default)

    assert str(error.value) == (
        "--corrections 'absent\\n.csv': there is no such file; name one, or leave the option out."
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return add_classes(tmp_path / "photos", "cat", "dog")


def decide(data: Path, path: str, decision: str, new_label: str = "") -> Correction:
    digest = hashlib.sha256((data / path).read_bytes()).hexdigest()
    return Correction(path, digest, path.split("/", 1)[0], decision, new_label)


def run(data: Path, *options: str) -> tuple[int, str]:
    """Runs the pipeline, which must fail; returns exit code and error, if TensorFlow stayed out."""
    output = data.parent / "output"
    script = (
        "import sys\n"
        "from cli.main import app\n"
        "try:\n"
        "    app(sys.argv[1:])\n"
        "finally:\n"
        "    assert not {'tensorflow', 'tfx'} & set(sys.modules)\n"
    )
    command = ["pipeline", "run", f"--data={data}", f"--output={output}", *options]
    result = subprocess.run(
        [sys.executable, "-c", script, *command], capture_output=True, text=True, check=False
    )
    assert not (output / "metadata.sqlite").exists()
    return result.returncode, result.stderr


def test_class_that_the_data_lack_is_told_before_tensorflow_is_imported(data: Path) -> None:
    (data.parent / "output").mkdir()
    wrong = [decide(data, "cat/003.jpg", RELABEL, "dgo")]
    write_corrections(data.parent / "output" / "corrections.csv", wrong)

    assert run(data) == (
        1,
        "Error: The correction of cat/003.jpg gives it the label dgo, but the classes of the data "
        "are cat, dog; give it one of these, or take the correction out of the file.\n",
    )


def test_class_that_is_left_too_small_is_told_before_tensorflow_is_imported(data: Path) -> None:
    decided = [decide(data, f"cat/{n:03}.jpg", LEAVE_OUT) for n in range(9)]
    write_corrections(data.parent / "decided.csv", decided)

    assert run(data, f"--corrections={data.parent / 'decided.csv'}") == (
        1,
        f"Error: {data}: each class needs at least 2 photos, one to train and one to evaluate "
        "with, but cat has 1; take corrections back, add photos or remove the class folder.\n",
    )


def test_check_applies_the_corrections_that_are_named(data: Path) -> None:
    file = data.parent / "decided.csv"
    write_corrections(
        file,
        [decide(data, "cat/003.jpg", RELABEL, "dog"), decide(data, "cat/004.jpg", LEAVE_OUT)],
    )

    def check(*options: str) -> str:
        return CliRunner().invoke(app, ["data", "check", str(data), *options]).stdout

    found = json.loads(check(f"--corrections={file}", "--json"))
    assert found["relabelled"] == [{"path": "cat/003.jpg", "class": "dog", "was": "cat"}]
    assert [entry["path"] for entry in found["quarantined"]] == ["cat/004.jpg"]
    said = check(f"--corrections={file}")
    assert "1 of another class by correction:\n  cat/003.jpg: dog\n" in said
    assert "  cat/004.jpg: left out by a correction\n" in said
    assert json.loads(check("--json"))["relabelled"] == []
