"""Tests of `warmstart doctor`: a line for each thing, as it comes, and an exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_programs import GPU_0, FakePrograms
from made_store import MadeStore
from typer.testing import CliRunner, Result

from cli.main import app
from pipelines.folders import prepare_output
from pipelines.metadata_backup import back_up
from pipelines.metadata_store import opened
from pipelines.run_lock import exclusive_run

ROOT = Path(__file__).parents[2]
START = "import sys; from cli.main import main; sys.argv[0] = 'warmstart'; main()"
NAMES = [
    *("Python", "glibc", "TensorFlow", "Packages", "GPUs", "Driver"),
    *("Weights", "Disk", "Store", "Memory", "Ports", "Import"),
]
GOOD = """
__version__ = "2.21.0"
class config:
    list_physical_devices = staticmethod(lambda kind: [])
"""


@pytest.fixture(autouse=True)
def tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that `import tensorflow` runs in other processes; a good one at first."""
    (tmp_path / "modules").mkdir()
    file = tmp_path / "modules" / "tensorflow.py"
    file.write_text(GOOD, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(file.parent))
    monkeypatch.setenv("WARMSTART_WEIGHTS_CACHE", str(tmp_path / "weights"))
    return file


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePrograms:
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return FakePrograms(folder)


def invoke(output: Path, *arguments: str) -> Result:
    command = ["doctor", "--output", str(output), *arguments]
    return CliRunner().invoke(app, command, env={"COLUMNS": "120", "NO_COLOR": "1"})


def test_every_thing_has_a_line_and_their_number_stands_below(
    tmp_path: Path, programs: FakePrograms
) -> None:
    programs.nvidia_smi(GPU_0)

    result = invoke(tmp_path)

    *lines, blank, summary = result.stdout.splitlines()
    parts = [re.fullmatch(r"(PASS|WARN|FAIL)  (\S+) +(\S.*)", line) for line in lines]
    assert [part and part[2] for part in parts] == NAMES
    assert (result.exit_code, result.stderr, blank) == (0, "", "")
    assert summary.endswith(" warned, 0 failed.")
    assert "PASS  GPUs        0: NVIDIA GeForce RTX 3060, 12,288 MiB (11,800 free)." in lines
    assert "PASS  Driver      550.54.15 suits CUDA 12.5.1." in lines


def test_tensorflow_that_cannot_be_imported_is_a_line(
    tmp_path: Path, tensorflow: Path, programs: FakePrograms
) -> None:
    tensorflow.write_text("import nothing_of_this_name", encoding="utf-8")

    result = invoke(tmp_path)

    assert result.exit_code == 1
    assert result.stdout.splitlines()[11] == (
        "FAIL  Import      TensorFlow cannot be imported: ModuleNotFoundError: No module named "
        "'nothing_of_this_name'."
    )
    assert "Traceback" not in result.output
    assert result.stdout.endswith(", 1 failed.\n")


def test_json_has_the_same(tmp_path: Path, programs: FakePrograms) -> None:
    result = invoke(tmp_path, "--json")

    found = json.loads(result.stdout)
    assert [check["name"] for check in found["checks"]] == NAMES
    assert {"passed", "warned", "failed"} < set(found)
    assert found["passed"] + found["warned"] + found["failed"] == len(NAMES)
    assert found["checks"][4] == {
        "name": "GPUs",
        "verdict": "WARN",
        "text": "None; training runs on the CPU.",
    }


def test_disk_that_cannot_be_written_to_fails(tmp_path: Path, programs: FakePrograms) -> None:
    (tmp_path / "file").touch()

    result = invoke(tmp_path / "file")

    assert result.exit_code == 1
    assert f"FAIL  Disk        {tmp_path}/file cannot be written to; " in result.stdout


def test_lines_are_printed_while_tensorflow_is_imported(tmp_path: Path, tensorflow: Path) -> None:
    tensorflow.write_text(f"import time; time.sleep(5)\n{GOOD}", encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(ROOT)!r}]; {START}", "doctor"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            lines = [(process.stdout.readline(), time.monotonic()) for _ in NAMES]
        finally:
            process.kill()

    assert lines[0][0].startswith("PASS  Python      CPython 3.11.")
    assert lines[-1][0].startswith("PASS  Import      2.21.0, imported in ")
    assert lines[-1][1] - lines[-2][1] > 1


@pytest.mark.slow
def test_answer_takes_less_than_20_seconds_however_slow_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH")
    start = time.monotonic()

    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(ROOT)!r}]; {START}", "doctor"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert time.monotonic() - start < 20
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(
        "^(PASS  Import      2.21.0, imported in|WARN  Import      TensorFlow was not imported)",
        done.stdout,
        re.MULTILINE,
    )


def test_repair_puts_the_copy_of_a_damaged_store_back(tmp_path: Path) -> None:
    made = MadeStore(prepare_output(tmp_path / "out").root)
    made.context("pipeline_run", "first")
    back_up(made.output)
    made.output.metadata.write_bytes(b"not a database" * 100)

    result = invoke(made.output.root, "--repair")

    assert result.exit_code == 0
    assert f"{made.output.metadata} is as it was before the run of " in result.output
    assert [one.name for one in opened(made.output).get_contexts()] == ["first"]

    again = invoke(made.output.root, "--repair")

    assert again.exit_code == 2
    assert " is sound; there is nothing to repair." in again.output


def test_repair_waits_for_no_run_that_is_under_way(tmp_path: Path) -> None:
    output = prepare_output(tmp_path / "out")

    with exclusive_run(output):
        result = invoke(output.root, "--repair")

    assert result.exit_code == 1
    assert f"process {os.getpid()}" in result.output


def test_repair_of_a_folder_that_is_not_there_makes_none(tmp_path: Path) -> None:
    result = invoke(tmp_path / "nowhere", "--repair")

    assert result.exit_code == 2
    assert result.output == f"Error: --output {tmp_path / 'nowhere'}: there is no such folder.\n"
    assert not (tmp_path / "nowhere").exists()
