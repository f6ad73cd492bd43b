"""Tests of `warmstart data fetch` with a small data set and a server on this machine."""

from __future__ import annotations

import functools
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from public_server import CLOSED, LICENCE, Served, archive_content, dataset_of, serving
from typer.testing import CliRunner, Result
from waiting import wait_until

from cli.main import app
from components.public_data import download as downloads
from components.public_data.registry import DATASETS, PublicDataset

CONTENTS = {kind: archive_content(kind) for kind in ("tgz", "zip")}
CONTENT = CONTENTS["tgz"]
HALF = len(CONTENT) // 2
SIZE = "0.4 MB"
MARKER = ".warmstart-dataset.json"

PLAIN = {"COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}

# Runs the command line on a data set that is none of the registry.
SCRIPT = """
import json, sys
from cli.main import app
from components.public_data.registry import DATASETS, PublicDataset
given = json.loads(sys.argv.pop(1))
DATASETS["shapes"] = PublicDataset(**given | {"classes": tuple(given["classes"])})
app()
"""


def invoke(*arguments: str | Path) -> Result:
    """Runs `warmstart data fetch` in this process."""
    command = ["data", "fetch", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(app, command, env=PLAIN)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "PAUSES", (0, 0))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(CONTENT) as served:
        yield served


@pytest.fixture
def dataset(served: Served, monkeypatch: pytest.MonkeyPatch) -> PublicDataset:
    return register(dataset_of(CONTENT, served.url), monkeypatch)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> PublicDataset:
    return register(dataset_of(CONTENT, CLOSED), monkeypatch)


def register(dataset: PublicDataset, monkeypatch: pytest.MonkeyPatch) -> PublicDataset:
    monkeypatch.setitem(DATASETS, "shapes", dataset)
    return dataset


def as_json(dataset: PublicDataset) -> str:
    return json.dumps(vars(dataset))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def result_lines(folder: Path) -> list[str]:
    """Returns what is printed of a data folder that was fetched."""
    command = shlex.quote(sys.argv[0])
    return [
        f"6 photos of 2 classes in {folder}",
        "  round             3",
        "  square            3",
        "",
        f"Licence      {LICENCE} See {folder}/LICENSE.txt",
        f"Check it     {command} data check {folder}",
        f"Learn it     {command} pipeline run --data {folder}",
    ]


@pytest.mark.parametrize("kind", CONTENTS)
def test_class_folders_come_with_their_licence_and_the_next_command(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "photos"
    with serving(CONTENTS[kind]) as served:
        register(dataset_of(CONTENTS[kind], served.url, kind), monkeypatch)
        result = invoke("shapes", folder)

    assert result.exit_code == 0
    assert result.stdout.splitlines() == result_lines(folder)
    assert re.fullmatch(
        rf"Downloading {SIZE} from {served.url}/shapes\.{kind}\nFetched in \d+\.\d s\n",
        result.stderr,
    )
    assert names(tmp_path) == ["photos"]
    assert names(folder) == [MARKER, "LICENSE.txt", "round", "square"]


def test_second_call_says_so_and_downloads_nothing(
    served: Served, dataset: PublicDataset, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    invoke("shapes", folder)

    result = invoke("shapes", folder)

    assert (result.exit_code, result.stderr) == (0, "")
    first, *rest = result.stdout.splitlines()
    assert first == f"{folder} holds shapes already; nothing was downloaded."
    assert rest == result_lines(folder)
    assert len(served.asked) == 1


def test_working_directory_can_be_filled(
    dataset: PublicDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    monkeypatch.chdir(folder)

    result = invoke("shapes", ".")

    assert result.exit_code == 0
    assert names(Path()) == [MARKER, "LICENSE.txt", "round", "square"]
    assert names(tmp_path) == ["photos"]


def test_archive_is_kept_on_request_and_can_be_given(
    served: Served, dataset: PublicDataset, tmp_path: Path
) -> None:
    first = invoke("shapes", tmp_path / "one", "--keep-archive")
    again = invoke("shapes", tmp_path / "two", "--keep-archive")
    given = invoke("shapes", tmp_path / "two", "--archive", tmp_path / "shapes.tgz")

    assert [first.exit_code, again.exit_code, given.exit_code] == [0, 2, 0]
    assert again.stderr == (
        f"Error: --keep-archive: {tmp_path}/shapes.tgz exists already; give it with --archive, or "
        "move it away.\n"
    )
    assert re.fullmatch(
        rf"Checking and unpacking {tmp_path}/shapes\.tgz\nFetched in \d+\.\d s\n", given.stderr
    )
    assert given.stdout.splitlines() == result_lines(tmp_path / "two")
    assert len(served.asked) == 1
    assert names(tmp_path) == ["one", "shapes.tgz", "two"]
    assert (tmp_path / "shapes.tgz").read_bytes() == CONTENT


def test_archive_that_was_downloaded_by_hand_needs_no_network(
    offline: PublicDataset, tmp_path: Path
) -> None:
    file = tmp_path / "by hand"
    file.write_bytes(CONTENT)

    result = invoke("shapes", tmp_path / "photos", "--archive", file)

    assert result.exit_code == 0
    assert names(tmp_path) == ["by hand", "photos"]


def test_offline_is_one_sentence_with_address_and_option(
    offline: PublicDataset, tmp_path: Path
) -> None:
    result = invoke("shapes", tmp_path / "photos")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Downloading {SIZE} from {CLOSED}/shapes.tgz\n"
        f"Error: shapes: {CLOSED}/shapes.tgz could not be downloaded (Connection refused); run the "
        "same command again when there is a network, or get this file by other means and name it "
        "with --archive FILE.\n"
    )
    assert names(tmp_path) == []


def test_connection_that_breaks_off_keeps_what_arrived_for_a_later_call(
    served: Served, dataset: PublicDataset, tmp_path: Path
) -> None:
    served.ranges = False
    served.breaks, served.break_after = 3, HALF
    failed = invoke("shapes", tmp_path / "photos")
    served.ranges = True
    kept = (tmp_path / ".photos.shapes.tgz.partial").stat().st_size

    result = invoke("shapes", tmp_path / "photos")

    assert failed.exit_code == 1
    assert "to go on after the 0.1 MB that have arrived" in failed.stderr
    assert result.exit_code == 0
    assert result.stderr.startswith(
        f"Downloading {SIZE} after the 0.1 MB that are here from {dataset.url}\n"
    )
    assert served.asked[-1] == (f"bytes={kept}-", None)
    assert names(tmp_path) == ["photos"]


def test_other_bytes_are_refused_and_deleted(
    served: Served, dataset: PublicDataset, tmp_path: Path
) -> None:
    served.content = b"x" * len(CONTENT)

    result = invoke("shapes", tmp_path / "photos")

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"not {dataset.sha256}; nothing of it was kept" in result.stderr
    assert names(tmp_path) == []


# Name: arguments, where {} is a folder; exit code; what is said.
FAILURES: dict[str, tuple[list[str], int, str]] = {
    "misspelt name": (
        ["flower", "{}/photos"],
        2,
        "'flower' is none of the public data sets cats-vs-dogs and flowers; did you mean flowers?",
    ),
    "folder with something else": (
        ["flowers", "{}"],
        2,
        "{} is not empty; name a folder that is empty or does not exist yet.",
    ),
    "file": (["flowers", "{}/file"], 2, "{}/file is a file; name a folder."),
    "missing archive": (
        ["flowers", "{}/photos", "--archive", "{}/missing"],
        2,
        "--archive {}/missing is no file; name the file that you have from "
        f"{DATASETS['flowers'].url}.",
    ),
    "wrong archive": (
        ["flowers", "{}/photos", "--archive", "{}/file"],
        1,
        "--archive {}/file is not the archive of flowers: it has 0 bytes, not 228813984; download "
        f"{DATASETS['flowers'].url} again.",
    ),
}


@pytest.mark.parametrize(("arguments", "code", "said"), FAILURES.values(), ids=FAILURES)
def test_failure_is_one_sentence_on_stderr(
    tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    (tmp_path / "file").touch()

    result = invoke(*(argument.format(tmp_path) for argument in arguments))

    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.splitlines()[-1] == f"Error: {said.format(tmp_path)}"
    assert names(tmp_path) == ["file"]


def test_interrupt_keeps_what_arrived(
    served: Served, dataset: PublicDataset, tmp_path: Path
) -> None:
    partial = tmp_path / ".photos.shapes.tgz.partial"
    served.pause_after = HALF
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, as_json(dataset), "data", "fetch", "shapes", "photos"],
        cwd=tmp_path,
        env={**os.environ, **PLAIN, "PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
        text=True,
        # Whatever runs the tests in the background of a shell ignores it, and so would the child.
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    wait_until(lambda: partial.exists() and partial.stat().st_size)
    process.send_signal(signal.SIGINT)
    try:
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    served.paused.set()
    served.pause_after = 0

    assert process.returncode == 130
    assert said.splitlines()[-1] == "Interrupted."
    assert names(tmp_path) == [partial.name]
    assert invoke("shapes", tmp_path / "photos").exit_code == 0
    assert str(served.asked[-1][0]).startswith("bytes=")
    assert names(tmp_path) == ["photos"]


def test_terminal_shows_a_bar(dataset: PublicDataset, tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, as_json(dataset), "data", "fetch", "shapes", "photos"],
        cwd=tmp_path,
        env={**os.environ, **PLAIN, "TERM": "xterm", "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=terminal,
        timeout=60,
        check=True,
    )
    os.close(terminal)
    shown = os.read(controller, 1 << 16).decode()
    os.close(controller)

    total = round(len(CONTENT) / 1000, 1)
    assert f"{total}/{total} kB" in shown
    assert "Fetched in" in shown
    assert b"6 photos of 2 classes" in process.stdout


def test_fetching_imports_no_tensorflow(dataset: PublicDataset, tmp_path: Path) -> None:
    script = SCRIPT.replace(
        "app()", "try:\n    app()\nfinally:\n    sys.stdout.write(' '.join(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, as_json(dataset), "data", "fetch", "shapes", "photos"],
        cwd=tmp_path,
        env={**os.environ, **PLAIN, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = set(result.stdout.splitlines()[-1].split())
    assert "requests" in loaded
    assert loaded & {"tensorflow", "keras", "tfx", "apache_beam"} == set()


def test_help_names_the_data_sets_and_their_sizes() -> None:
    assert "cats-vs-dogs (825 MB) or flowers (229 MB)." in invoke("--help").stdout


def test_help_imports_no_requests() -> None:
    script = (
        "import sys\n"
        "from cli.main import app\n"
        "try:\n"
        "    app(['data', 'fetch', '--help'])\n"
        "finally:\n"
        "    sys.stdout.write('\\n' + ' '.join(sys.modules))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    loaded = set(result.stdout.splitlines()[-1].split())
    assert "typer" in loaded
    assert loaded & {"requests", "tensorflow"} == set()
