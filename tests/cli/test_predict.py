"""The command `predict` as a user runs it."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from photo_files import add, encoded
from pipeline_runs import copy_sample
from rest_server import CLOSED, Server, rest_server
from typer.testing import CliRunner, Result

from cli.main import app
from components.serving import rest
from components.serving.classification import NO_IMAGE
from components.serving.model_folder import read_classes

PLAIN = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb", "NO_PROXY": "127.0.0.1"}
URL = "http://host:8501/v1/models/warmstart"


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["predict", *map(str, arguments)], env=PLAIN)


def execute(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("warmstart"), "predict", *arguments],
        env={**os.environ, **PLAIN},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


@pytest.fixture
def served(pushed_model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(rest, "PAUSES", (0.0,))
    with rest_server(pushed_model) as served:
        yield served


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with three photos, one of them broken and one with a name that is not UTF-8."""
    folder = tmp_path / "photos"
    add(folder, "a.jpg", encoded(1, size=40))
    add(folder, "b/cut.jpg", encoded(2, size=40)[:400])
    add(folder, "k\udcfctzchen.jpg", encoded(3, size=40))
    return folder


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "No photos; name them behind the model, or a folder of them in --input."),
        (
            ["--input", "d", "--output", "a.csv"],
            "No model; name the folder of a pushed model, or --url.",
        ),
        (["--url", URL], "No photos; name them behind the model, or a folder of them in --input."),
        (
            ["m", "a.jpg", "--output", "a.csv"],
            "--output is for a folder of photos; name that in --input.",
        ),
        (
            ["m", "a.jpg", "--engine", "beam"],
            "--engine is for a folder of photos; name that in --input.",
        ),
        (
            ["m", "a.jpg", "--shards", "2"],
            "--shards is for a folder of photos; name that in --input.",
        ),
        (["m", "a.jpg", "--input", "d"], "Photos and --input exclude each other; leave one out."),
        (
            ["m", "--input", "d"],
            "--input needs --output; name a .parquet, .csv or .jsonl file there.",
        ),
        (
            ["m", "--input", "d", "--output", "a.csv", "--json"],
            "--json is for single photos; name a .jsonl file in --output.",
        ),
        (
            ["m", "--input", "d", "--output", "a.csv", "--shards", "2"],
            "--shards is for Beam; name it in --engine, too.",
        ),
        (
            ["m", "--input", "d", "--output", "a.csv", "--engine", "flonk"],
            "--engine flonk: write local, beam, local-processes, dask, flink, spark, dataflow, or "
            "options of Beam with a --runner in them.",
        ),
        (
            ["m", "--input", "d", "--output", "a.csv", "--engine", "--flink_master=a"],
            "--engine --flink_master=a: write local, beam, local-processes, dask, flink, spark, "
            "dataflow, or options of Beam with a --runner in them.",
        ),
        (
            ["m", "--input", "d", "--output", "a.csv", "--engine", "--runner='a"],
            "--engine --runner='a: No closing quotation; close what is quoted.",
        ),
        (
            ["--url", URL, "--input", "d", "--output", "a.csv", "--engine", "dask"],
            "Configuration: engine.name = dask needs engine.address, that of the scheduler, such "
            "as tcp://localhost:8786.",
        ),
        (
            ["m", "--input", "d", "--output", "a.csv", "--set", "engine.workers=2"],
            "--set describes local-processes, dask, flink, spark, dataflow; name it in --engine.",
        ),
        (
            ["--url", "host:8501", "a.jpg"],
            "--url host:8501: it does not begin with http:// or "
            "https://; write http://host:8501/v1/models/NAME, or the same with /versions/N behind.",
        ),
        (
            ["--url", URL, "--input", "d", "--output", "a.txt"],
            "--output a.txt: name a file that ends with .parquet, .csv or .jsonl.",
        ),
        (
            ["--url", URL, "--input", "d", "--output", "gs://b/a.csv"],
            "--output gs://b/a.csv: only Beam writes there; name a file here.",
        ),
    ],
)
def test_wrong_usage_exits_2_with_one_sentence(arguments: list[str], said: str) -> None:
    result = invoke(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {said}\n"


def test_mistakes_in_folders_exit_1_before_tensorflow_is_imported(tmp_path: Path) -> None:
    began = time.process_time()

    result = invoke("--url", URL, "--input", tmp_path / "gone", "--output", tmp_path / "a.csv")
    unreachable = invoke("--url", f"{CLOSED}/v1/models/warmstart", tmp_path / "a.jpg")

    assert result.exit_code == unreachable.exit_code == 1
    assert result.stderr == f"Error: {tmp_path / 'gone'} does not exist; name a folder of photos.\n"
    assert unreachable.stderr.startswith(
        f"Error: {CLOSED}/v1/models/warmstart: no connection (Connection refused); "
    )
    assert time.process_time() - began < 5


def test_single_photos_are_printed_and_a_broken_one_exits_1(
    pushed_model: Path, photos: Path
) -> None:
    files = sorted(path for path in photos.rglob("*") if path.is_file())

    result = execute(pushed_model, *files)

    assert result.returncode == 1
    first, second = result.stdout.splitlines()
    assert first.startswith(f"{files[0]}: ")
    assert second.startswith(f"{str(files[2])!r}: ")
    assert result.stderr == f"{files[1]}: {NO_IMAGE}\n"


def test_json_of_single_photos(pushed_model: Path, photos: Path) -> None:
    result = execute(pushed_model, "--json", photos / "a.jpg", photos / "k\udcfctzchen.jpg")

    assert (result.returncode, result.stderr) == (0, "")
    first, second = json.loads(result.stdout)
    assert [*first] == ["path", "label", "confidence", "probabilities"]
    assert [*first["probabilities"]] == read_classes(pushed_model)
    assert first["confidence"] == first["probabilities"][first["label"]]
    assert second["path"] == str(photos / "k\udcfctzchen.jpg")


def test_server_gives_names_beside_the_folder_of_the_model_only(
    served: Server, pushed_model: Path, photos: Path
) -> None:
    (plain,) = json.loads(invoke("--url", served.url, "--json", photos / "a.jpg").stdout)
    (named,) = json.loads(
        invoke(pushed_model, "--url", served.url, "--json", photos / "a.jpg").stdout
    )

    assert named["probabilities"] == dict(
        zip(read_classes(pushed_model), plain["probabilities"], strict=True)
    )
    printed = invoke("--url", served.url, photos / "a.jpg").stdout
    assert printed == f"{photos / 'a.jpg'}: {plain['label']} ({plain['confidence']:.1%})\n"


def test_folder_becomes_a_table_and_broken_files_are_counted(
    pushed_model: Path, photos: Path, tmp_path: Path
) -> None:
    output = tmp_path / "predictions.csv"

    result = execute(pushed_model, "--input", photos, "--output", output)

    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == (
        f"3 photos in {output}, 1 of them could not be read: see its column `error`.\n"
    )
    with output.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["path"] for row in rows] == ["a.jpg", "b/cut.jpg", "k\\udcfctzchen.jpg"]
    assert [row["error"] for row in rows] == ["", NO_IMAGE, ""]


def test_folder_where_nothing_can_be_read_exits_1_with_its_table(
    served: Server, photos: Path, tmp_path: Path
) -> None:
    output = tmp_path / "predictions.jsonl"

    result = invoke("--url", served.url, "--input", photos / "b", "--output", output)

    assert result.exit_code == 1
    assert result.stderr == (
        f"1 photos in {output}, 1 of them could not be read: see its column `error`.\n"
    )
    assert json.loads(output.read_text(encoding="utf-8"))["error"] == NO_IMAGE


@pytest.mark.slow
def test_beam_writes_the_table_in_parts(pushed_model: Path, photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "p.csv"
    options = ("--engine", "beam", "--shards", "2")

    result = execute(pushed_model, "--input", photos, "--output", output, *options)

    assert result.returncode == 0
    assert result.stderr == (
        f"3 photos in {tmp_path}/p-*-of-*.csv, 1 of them could not be read: see its column "
        "`error`.\n"
    )
    assert len(list(tmp_path.glob("p-0000?-of-00002.csv"))) == 2


@pytest.mark.slow
def test_processes_of_this_machine_write_the_table(
    pushed_model: Path, photos: Path, tmp_path: Path
) -> None:
    output = tmp_path / "p.csv"
    options = ("--engine", "local-processes", "--set", "engine.workers=2")

    result = execute(pushed_model, "--input", photos, "--output", output, *options)

    assert result.returncode == 0
    assert result.stderr == (
        f"3 photos in {output}, 1 of them could not be read: see its column `error`.\n"
    )
    assert len(output.read_text(encoding="utf-8").splitlines()) == 4


@pytest.mark.slow
def test_memory_does_not_grow_with_the_photos(served: Server, tmp_path: Path) -> None:
    """Over the server, so that TensorFlow's own memory is not measured."""
    script = (
        "from cli.main import app\n"
        "try: app()\n"
        # The peak that getrusage tells would be that of the process of the tests.
        "finally: print(*(one for one in open('/proc/self/status') if one.startswith('VmHWM')))\n"
    )
    photo = next(copy_sample(tmp_path / "sample", photos_per_class=1).rglob("*.jpg"))
    peaks = []
    for size in (200, 1500):
        folder = tmp_path / str(size)
        folder.mkdir()
        # Each with 200 kB that no decoder looks at: 300 MB in all.
        content = photo.read_bytes() + bytes(200_000)
        for number in range(size):
            (folder / f"{number}.jpg").write_bytes(content)
        command = [sys.executable, "-c", script, "predict", "--url", served.url]
        command += ["--input", str(folder), "--output", str(tmp_path / f"{size}.parquet")]
        result = subprocess.run(
            command, env={**os.environ, **PLAIN}, capture_output=True, text=True, check=True
        )
        peaks.append(int(result.stdout.split()[-2]))
        shutil.rmtree(folder)

    assert peaks[1] - peaks[0] < 60_000, peaks  # In kB.
