"""The command `pipeline run` and `predict` as a user runs them: processes of their own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pipeline_runs import QUICK, copy_sample
from trace_collector import ERROR, OK, Collector, trace_collector, values

import samples
from schemas.corrections import KEEP, Correction, read_corrections, write_corrections

WARMSTART = str(Path(sys.executable).with_name("warmstart"))
# Bytes of a sample photo: more than its header, less than the whole.
HALF = 2000
COMPONENT_KEYS = {"id", "state", "seconds", "cpu_seconds", "peak_memory"}
KEPT = Correction("plants/whatever it was.jpg", "ab" * 32, "plants", KEEP)


def warmstart(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs a command; `more` is its environment, beside that of the tests."""
    return subprocess.run(
        [WARMSTART, *map(str, arguments)],
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Gets the trace of the run that the tests share."""
    with trace_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("command line")
    data = copy_sample(folder / "my photos", photos_per_class=8)
    (data / "birds").rename(data / "Vögel\n& co")
    broken = data / "food" / "<broken>.jpg"
    broken.write_bytes(min((data / "food").iterdir()).read_bytes()[:HALF])
    digest = hashlib.sha256(min((data / "plants").iterdir()).read_bytes()).hexdigest()
    (folder / "output").mkdir()
    write_corrections(
        folder / "output" / "corrections.csv",
        [replace(KEPT, sha256=digest), replace(KEPT, path="plants/gone.jpg")],
    )
    overrides = [f"--set={override}" for override in (*QUICK, "split.seed=5")]
    options = ["--data", data, "--output", folder / "output", "--json", *overrides]
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    return folder, warmstart("pipeline", "run", *options, **traced)


def test_run_prints_one_json_object(
    run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, result = run
    assert result.returncode == 0, result.stderr
    outcome = json.loads(result.stdout)

    assert outcome["state"] == "succeeded"
    assert outcome["error"] is None
    assert outcome["classes"] == ["Vögel\n& co", "food", "mammals", "plants"]
    assert {"accuracy", "log_loss"} <= set(outcome["metrics"])
    assert outcome["quarantined"] == [
        {"path": "food/<broken>.jpg", "class": "food", "reason": "truncated", "bytes": HALF}
    ]
    # Eight photos of a class are too few for a hint.
    assert outcome["label_suspicions"] == []
    assert [set(component) for component in outcome["components"]] == [COMPONENT_KEYS] * 15
    assert {component["state"] for component in outcome["components"]} == {"executed"}
    saved = folder / "output" / "runs" / outcome["run_id"] / "metrics.json"
    assert json.loads(saved.read_text()) == outcome


def test_run_keeps_the_corrections_that_were_applied(
    run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, result = run
    outcome = json.loads(result.stdout)

    assert outcome["corrections"] == {
        "applied": 1,
        "kept": 1,
        "relabelled": 0,
        "left_out": 0,
        "unmatched": 1,
    }
    copy = folder / "output" / "runs" / outcome["run_id"] / "corrections.csv"
    assert [one.path for one in read_corrections(copy)] == [KEPT.path]


def test_run_shows_components_and_epochs_on_stderr(
    run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, result = run
    assert "✓ Trainer" in result.stderr
    assert "frozen 2/2: loss" in result.stderr
    assert "fine-tuned 1/1: loss" in result.stderr
    assert "Traceback" not in result.stderr


def test_each_component_has_a_log_of_its_own(
    run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, result = run
    outcome = json.loads(result.stdout)
    place = folder / "output" / "runs" / outcome["run_id"]
    logs = {file.stem: file.read_text() for file in (place / "logs").iterdir()}

    assert set(logs) == {component["id"] for component in outcome["components"]}
    assert "frozen 2/2: loss" in logs["Trainer"]
    assert [node for node, text in logs.items() if "frozen 2/2: loss" in text] == ["Trainer"]
    # In the order in which they ran, they are parts of the whole.
    rest = (place / "log.txt").read_text()
    for component in outcome["components"]:
        text = logs[component["id"]]
        assert text in rest, component["id"]
        rest = rest.partition(text)[2]

    shown = warmstart("runs", "show", "latest", "--log", "trainer", "--output", folder / "output")
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, logs["Trainer"], "")


def test_each_decision_is_a_line_of_the_log(
    run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, result = run
    outcome = json.loads(result.stdout)
    log = (folder / "output" / "runs" / outcome["run_id"] / "log.txt").read_text()

    decisions = re.findall(r"^.* INFO decisions: (.*?): (.*?), because (.*)$", log, re.MULTILINE)
    whose = {about: (decision, because) for about, decision, because in decisions}
    assert whose.keys() == {c["id"] for c in outcome["components"]} | {"food/<broken>.jpg"}
    assert whose["food/<broken>.jpg"] == ("quarantined", "truncated")
    assert whose["ImageExampleGen"] == ("run", "it never ran before.")
    assert whose["latest_statistics"][0] == "look up"


def test_run_is_traced_with_each_component(
    run: tuple[Path, subprocess.CompletedProcess[str]], collector: Collector
) -> None:
    outcome = json.loads(run[1].stdout)
    root, parts = collector.root(), collector.parts()

    told = values(root.attributes)
    assert (root.name, root.status.code) == ("RUN warmstart", OK)
    assert told["cicd.pipeline.run.id"] == outcome["run_id"]
    assert (told["cicd.pipeline.result"], told["warmstart.blessed"]) == ("success", True)
    assert told["warmstart.pushed_version"] == Path(outcome["pushed_to"]).name
    assert list(parts) == [component["id"] for component in outcome["components"]]
    for component in outcome["components"]:
        span = parts[component["id"]]
        seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
        found = values(span.attributes)
        assert found["warmstart.state"] == "executed"
        assert found["warmstart.because"]
        assert seconds == pytest.approx(component["seconds"], abs=0.5)
        assert found["warmstart.cpu_seconds"] == pytest.approx(component["cpu_seconds"], abs=1e-3)
        assert found.get("warmstart.peak_memory_bytes") == component["peak_memory"]


def test_component_that_fails_logs_its_traceback(tmp_path: Path) -> None:
    data = copy_sample(tmp_path / "photos", photos_per_class=8)
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "artifacts").write_text("in the way of the folder")
    places = ["--data", data, "--output", tmp_path / "output"]
    with trace_collector() as collector:
        traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        result = warmstart("pipeline", "run", *places, "--json", **traced)

    assert result.returncode == 1
    error = json.loads(result.stdout)["error"]
    failed, skipped = collector.parts()["ImageExampleGen"], collector.parts()["Pusher"]
    for span in (collector.root(), failed):
        assert (span.status.code, span.status.message) == (ERROR, error)
    assert values(skipped.attributes)["warmstart.state"] == "skipped"
    (place,) = (tmp_path / "output" / "runs").iterdir()
    (log,) = (place / "logs").iterdir()
    assert log.name == "ImageExampleGen.txt"
    assert "ERROR pipelines.pipeline_run: ImageExampleGen failed.\nTraceback" in log.read_text()
    # Once is enough.
    assert (place / "log.txt").read_text().count("Traceback") == log.read_text().count("Traceback")


def test_report_is_written(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, result = run
    page = folder / "output" / "runs" / json.loads(result.stdout)["run_id"] / "report.html"
    text = page.read_text()
    assert "Vögel\n&amp; co" in text
    assert "food/&lt;broken&gt;.jpg</code></th><td>truncated</td>" in text


@pytest.mark.slow
def test_given_splits_are_kept_and_the_test_photos_decide(tmp_path: Path) -> None:
    """In an archive, as data sets often come."""
    for split, photos in {"train": slice(8), "val": slice(8, 11), "test": slice(11, 16)}.items():
        for folder in sorted(samples.PHOTOS_FOLDER.iterdir()):
            if folder.is_dir():
                target = tmp_path / "photos" / split / folder.name
                target.mkdir(parents=True)
                for photo in sorted(folder.glob("*.jpg"))[photos]:
                    shutil.copy(photo, target)
    archive = shutil.make_archive(str(tmp_path / "data"), "gztar", tmp_path, "photos")
    options = ["--data", archive, "--output", tmp_path / "output", "--json"]
    result = warmstart("pipeline", "run", *options, *(f"--set={o}" for o in QUICK))

    assert result.returncode == 0, result.stderr
    outcome = json.loads(result.stdout)
    assert outcome["metrics"]["examples"] == 4 * 5
    page = tmp_path / "output" / "runs" / outcome["run_id"] / "report.html"
    counts = '<td class="n">8</td><td class="n">3</td><td class="n">5</td>'
    assert page.read_text().count(counts) == 4


def test_predict_goes_on_after_a_broken_file(
    run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = run
    photo = min((samples.PHOTOS_FOLDER / "plants").iterdir())
    result = warmstart("predict", folder / "output" / "models", photo, __file__, "--json")

    assert result.returncode == 1
    read, broken = json.loads(result.stdout)
    assert read["path"] == str(photo)
    assert set(read["probabilities"]) == {"Vögel\n& co", "food", "mammals", "plants"}
    assert broken == {
        "path": __file__,
        "error": "not a JPEG, PNG, GIF, BMP, WebP or TIFF image, or damaged",
    }


def test_too_many_photos_that_only_look_like_some_stop_the_run(tmp_path: Path) -> None:
    """They begin like a JPEG, so only decoding them tells."""
    data = copy_sample(tmp_path / "photos", photos_per_class=8)
    whole = sorted((data / "food").iterdir())[:2]
    for number, photo in enumerate(whole):
        content = photo.read_bytes()
        (data / "food" / f"broken {number}.jpg").write_bytes(content[: len(content) // 2])
    result = warmstart("pipeline", "run", "--data", data, "--output", tmp_path / "o", "--json")

    assert result.returncode == 1
    outcome = json.loads(result.stdout)
    assert outcome["state"] == "failed"
    assert outcome["error"] == (
        f"{data}: 2 of 34 files cannot be used, more than data.max_bad_fraction = 0.05 allows; "
        "replace or remove them, or raise it: food/broken 0.jpg (truncated), "
        "food/broken 1.jpg (truncated)."
    )
    assert outcome["components"] == []  # It is found before TensorFlow is imported.
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_sample_reaches_ninety_percent(tmp_path: Path) -> None:
    """What `make demo` does."""
    result = warmstart(
        "pipeline", "run", "--data", samples.PHOTOS_FOLDER, "--output", tmp_path, "--json"
    )
    outcome = json.loads(result.stdout)

    assert outcome["blessed"]
    assert outcome["metrics"]["accuracy"] >= 0.9


@pytest.mark.slow
def test_tfx_command_line_runs_the_pipeline(tmp_path: Path) -> None:
    data = copy_sample(tmp_path / "photos", photos_per_class=16)
    runner = Path(samples.__file__).parent.parent / "pipelines" / "local_runner.py"
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "WARMSTART_DATA": str(data),
        "WARMSTART_OUTPUT": str(tmp_path / "output"),
    }
    for command in (
        ["pipeline", "create", "--engine=local", f"--pipeline_path={runner}"],
        ["run", "create", "--engine=local", "--pipeline_name=warmstart"],
    ):
        result = subprocess.run(
            [str(Path(sys.executable).with_name("tfx")), *command],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "output" / "metadata.sqlite").exists()
    assert list((tmp_path / "output" / "artifacts" / "Evaluator" / "evaluation").iterdir())


# Runs the same command on a disk of 3 MB, then of 200 MB, in a mount namespace of its own.
ON_A_SMALL_DISK = """
disk=$1; shift
mount -t tmpfs -o size=3m tmpfs "$disk"
"$@" > first.json; echo $? > first.status
mount -o remount,size=200m "$disk"
exec "$@" > second.json
"""


@pytest.mark.slow
def test_disk_that_fills_up_costs_what_was_not_finished(tmp_path: Path) -> None:
    namespace = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c"]
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        [*namespace, 'mount -t tmpfs tmpfs "$1"', "", disk], check=False, capture_output=True
    ).returncode:
        pytest.skip("this machine lets no user mount a disk of his own")
    overrides = [f"--set={override}" for override in QUICK]
    command = [WARMSTART, "pipeline", "run", "--json", *overrides]
    command += [f"--data={samples.PHOTOS_FOLDER}", f"--output={disk / 'output'}"]

    subprocess.run(
        [*namespace, ON_A_SMALL_DISK, "", disk, *command],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )

    first, second = (json.loads((tmp_path / f"{n}.json").read_text()) for n in ("first", "second"))
    (failed,) = (c["id"] for c in first["components"] if c["state"] == "failed")
    assert (tmp_path / "first.status").read_text() == "1\n"
    assert re.fullmatch(
        rf"{failed} failed: no space is left on the disk of \S+ or of \S+; free some, or lower "
        "embed.max_disk_gb, and run the same command again: what is finished is not done again.",
        first["error"],
    )
    states = {c["id"]: c["state"] for c in second["components"]}
    # Those that look up which model and statistics are the latest run each time.
    done = {c["id"] for c in first["components"] if c["state"] == "executed"}
    done -= {"latest_statistics", "latest_blessed_model"}
    assert done
    assert {states[component] for component in done} == {"cached"}
    assert (states[failed], second["state"]) == ("executed", "succeeded")
    assert second["pushed_to"]
