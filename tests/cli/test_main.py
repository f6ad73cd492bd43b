"""Tests of the command `warmstart`: what it prints, where, and with which exit code."""

from __future__ import annotations

import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from made_store import MadeStore
from PIL import Image
from trace_collector import ERROR, trace_collector
from typer.testing import CliRunner, Result

from cli.main import app
from pipelines.config import PipelineConfig, load_config

WARMSTART = Path(sys.executable).parent / "warmstart"
NOBODY = 65534

# A terminal of fixed width without colours, whatever pytest runs in.
PLAIN = {"COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}
# Makes rich take a pipe for a terminal.
FORCING = {"FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "CLICOLOR_FORCE"}

HEAVY = {
    *("tensorflow", "keras", "tfx", "tfx_bsl", "apache_beam", "ml_metadata"),
    *("tensorflow_transform", "tensorflow_model_analysis", "tensorflow_data_validation"),
}

# What `warmstart pipeline run --json` promises to print, also when it fails.
CONTRACT = {
    *("run_id", "state", "blessed", "pushed_to", "metrics", "classes", "components", "error"),
    *("not_pushed_because", "serving"),
}

COMMANDS = {
    "warmstart": [],
    "pipeline": ["pipeline"],
    "run": ["pipeline", "run"],
    "compile": ["pipeline", "compile"],
    "predict": ["predict"],
    "evaluate": ["evaluate"],
    "export": ["export"],
    "init": ["init"],
    "backbones": ["backbones"],
    "list": ["backbones", "list"],
    "compare": ["backbones", "compare"],
    "tensorboard": ["tensorboard"],
    "data": ["data"],
    "check": ["data", "check"],
    "fetch": ["data", "fetch"],
    "models": ["models"],
    "doctor": ["doctor"],
    "docker": ["docker"],
    "docker build": ["docker", "build"],
    "docker run": ["docker", "run"],
    "docker notebook": ["docker", "notebook"],
    "models list": ["models", "list"],
    "promote": ["models", "promote"],
    "rollback": ["models", "rollback"],
    "prune": ["models", "prune"],
}


def invoke(*arguments: str | Path) -> Result:
    """Runs the command line in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=PLAIN)


def execute(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the installed command."""
    environment = {name: value for name, value in os.environ.items() if name not in FORCING}
    return subprocess.run(
        [WARMSTART, *arguments],
        env={**environment, **PLAIN},
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=120,
        check=False,
    )


def make_photos(folder: Path) -> Path:
    """Makes a data folder with which nothing is wrong: two classes of twelve photos."""
    draw = random.Random(1)
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
        for number in range(12):
            stream = io.BytesIO()
            Image.frombytes("RGB", (4, 4), draw.randbytes(48)).save(stream, "PNG")
            (folder / label / f"{number}.png").write_bytes(stream.getvalue())
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return make_photos(tmp_path / "photos")


def test_version_is_that_of_the_package() -> None:
    result = execute("--version")

    assert (result.returncode, result.stdout, result.stderr) == (
        0,
        f"warmstart {version('warmstart')}\n",
        "",
    )


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_help_of_every_command_says_how_it_is_used(command: list[str]) -> None:
    result = invoke(*command, "--help")

    assert result.exit_code == 0
    assert f"Usage: {' '.join(['warmstart', *command])}" in result.stdout
    assert "--help" in result.stdout
    assert result.stderr == ""


def test_help_says_what_is_the_default() -> None:
    said = " ".join(invoke("pipeline", "run", "--help").stdout.replace("│", " ").split())

    assert "[default: (warmstart-output)]" in said
    assert "[default: (corrections.csv in DIR, if it is there)]" in said


def test_help_of_run_names_every_option() -> None:
    said = invoke("pipeline", "run", "--help").stdout

    assert set(re.findall(r"--[a-z-]+", said)) == {
        *("--data", "--output", "--config", "--set", "--corrections", "--weights-cache"),
        *("--gpus", "--force", "--log-json", "--json", "--debug", "--help"),
    }


@pytest.mark.parametrize("command", [[], ["pipeline"]], ids=["warmstart", "pipeline"])
def test_group_without_a_command_shows_its_help(command: list[str]) -> None:
    result = invoke(*command)

    assert result.exit_code == 2
    assert f"Usage: {' '.join(['warmstart', *command])}" in result.output


LIGHT = {
    "version": ["--version"],
    **{f"help of {name}": [*command, "--help"] for name, command in COMMANDS.items()},
    "usage error": ["pipeline", "run"],
    "unknown command": ["train"],
    "init": ["init", "DIR"],
    "configuration error": ["pipeline", "run", "--data", "DIR", "--set", "frozen.epochs=0"],
    "missing configuration": ["pipeline", "run", "--data", "DIR", "--config", "missing.yaml"],
    "list of backbones": ["backbones", "list"],
    "missing photos": ["pipeline", "run", "--data", "missing"],
    "no photos": ["pipeline", "run", "--data", "DIR", "--json"],
    "check of no photos": ["data", "check", "DIR"],
    "evaluation of no model": ["evaluate", "DIR", "DIR"],
    "unknown public data set": ["data", "fetch", "flower", "DIR"],
    "GPU that is not there": ["pipeline", "run", "--data", "DIR", "--gpus", "99"],
    "line for Docker": ["docker", "run", "--data", "DIR", "--print"],
    "missing weights": ["pipeline", "run", "--data", "DIR", "--set", "backbone.weights=w"],
}


@pytest.mark.parametrize("arguments", LIGHT.values(), ids=LIGHT)
def test_answer_that_needs_no_tensorflow_does_not_import_it(
    tmp_path: Path, arguments: list[str]
) -> None:
    script = (
        "import sys\n"
        "from cli.main import app\n"
        "try:\n"
        "    app(sys.argv[1:])\n"
        "finally:\n"
        "    sys.stdout.write('\\n' + ' '.join(name for name in sys.modules if '.' not in name))\n"
    )
    inside = [argument.replace("DIR", str(tmp_path)) for argument in arguments]

    result = subprocess.run(
        [sys.executable, "-c", script, *inside], capture_output=True, text=True, check=False
    )

    loaded = set(result.stdout.splitlines()[-1].split())
    assert "typer" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pipeline", "run"], "Missing option '--data'."),
        (["pipeline", "run", "--data", "x", "--epochs", "3"], "No such option: --epochs"),
        (["pipeline", "run", "--data", "x", "extra"], "extra"),
        (["pipeline", "run", "--data"], "Option '--data' requires an argument."),
        (["train"], "No such command 'train'."),
        (["init"], "Missing argument 'DIR'."),
        (
            ["predict", "model"],
            "No photos; name them behind the model, or a folder of them in --input.",
        ),
    ],
    ids=["no data", "unknown option", "extra argument", "no value", "command", "init", "predict"],
)
def test_usage_error_exits_2_and_says_which_argument(arguments: list[str], said: str) -> None:
    result = invoke(*arguments)

    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


# Name: arguments of `pipeline run`, where {} is a folder; exit code; what is said.
FAILURES: dict[str, tuple[list[str], int, str]] = {
    "wrong value": (
        ["--data", "{}/photos", "--set", "frozen.epochs=0"],
        2,
        "Configuration: frozen.epochs = 0: input should be greater than or equal to 1.",
    ),
    "several wrong values": (
        ["--data", "{}/photos", "--set", "frozen.epochs=0", "--set", "head.units=many"],
        2,
        "Configuration: head.units = 'many': input should be a valid integer; frozen.epochs = 0: "
        "input should be greater than or equal to 1.",
    ),
    "missing configuration": (
        ["--data", "{}/photos", "--config", "{}/missing.yaml"],
        2,
        "Cannot read the configuration {}/missing.yaml: No such file or directory.",
    ),
    "configuration before photos": (
        ["--data", "{}/missing", "--set", "backbone.name=ResNet50"],
        2,
        "Configuration: backbone.weights = embedded are those of MobileNetV2 at 160 pixels, not "
        "of ResNet50 at 160; set backbone.weights to imagenet, none or a .weights.h5 file.",
    ),
    "no way to name GPUs": (
        ["--data", "{}/photos", "--gpus", ""],
        2,
        "--gpus : name all, none, or each GPU once by its number or UUID, such as 0,1.",
    ),
    "output is a file": (
        ["--data", "{}/photos", "--output", "{}/photos/cat/1.png"],
        2,
        "--output {}/photos/cat/1.png: cannot write there (Not a directory); name a folder, or "
        "one that can be made.",
    ),
    "missing photos": (
        ["--data", "{}/missing"],
        1,
        "{}/missing does not exist; name the folder that holds the class folders, a manifest or "
        "an archive.",
    ),
    "photos are a file": (
        ["--data", "{}/photos/cat/1.png"],
        1,
        "{}/photos/cat/1.png is a file; name a folder, a manifest (.csv, .parquet) or an archive "
        "(.zip, .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz).",
    ),
    "photos without class folders": (
        ["--data", "{}/photos/cat"],
        1,
        "The photos in {0}/photos/cat lie in no class folder; move those of each class into a "
        "folder with the name of the class, such as {0}/photos/cat/cat.",
    ),
    "missing corrections": (
        ["--data", "{}/photos", "--corrections", "{}/missing.csv"],
        2,
        "--corrections {}/missing.csv: there is no such file; name one, or leave the option out.",
    ),
    "corrections are a photo": (
        ["--data", "{}/photos", "--corrections", "{}/photos/cat/1.png"],
        1,
        "{}/photos/cat/1.png is not UTF-8 text; save it as CSV UTF-8.",
    ),
    "engine that lacks something": (
        ["--data", "{}/photos", "--output", "{}/output", "--set", "engine.name=flink"],
        2,
        "Configuration: engine.name = flink needs engine.address, such as host:8081, or "
        "engine.job_server, such as localhost:8099.",
    ),
    "missing weights": (
        ["--data", "{}/photos", "--set", "backbone.weights={}/my.weights.h5"],
        1,
        "backbone.weights = '{}/my.weights.h5' is no file; use embedded, imagenet, none or the "
        "path of a .weights.h5 or .keras file.",
    ),
}


@pytest.mark.parametrize(("arguments", "code", "said"), FAILURES.values(), ids=FAILURES)
def test_failure_is_one_sentence_on_stderr_with_its_exit_code(
    photos: Path, arguments: list[str], code: int, said: str
) -> None:
    root = str(photos.parent)

    result = execute("pipeline", "run", *(argument.format(root) for argument in arguments))

    assert result.returncode == code
    assert result.stderr == f"Error: {said.format(root)}\n"
    assert result.stdout == ""


@pytest.mark.parametrize(("arguments", "code", "said"), FAILURES.values(), ids=FAILURES)
def test_failure_with_json_is_one_object_on_stdout(
    photos: Path, arguments: list[str], code: int, said: str
) -> None:
    root = str(photos.parent)

    result = invoke("pipeline", "run", "--json", *(text.format(root) for text in arguments))

    assert result.exit_code == code
    assert result.stdout.count("\n") == 1
    printed: dict[str, Any] = json.loads(result.stdout)
    assert printed.keys() >= CONTRACT
    assert (printed["state"], printed["error"]) == ("failed", said.format(root))
    assert (printed["run_id"], printed["blessed"], printed["pushed_to"]) == (None, False, None)
    assert (printed["metrics"], printed["classes"], printed["components"]) == ({}, [], [])


def test_failure_makes_no_output_folder(tmp_path: Path) -> None:
    result = execute("pipeline", "run", "--data", "missing", "--output", "out", cwd=tmp_path)

    assert result.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    result = execute("pipeline", "run", "--data", tmp_path / "missing", "--debug")

    first, *_, raised, _said = result.stderr.splitlines()
    assert result.returncode == 1
    assert first == "Traceback (most recent call last):"
    assert raised == (
        f"schemas.errors.DataError: {tmp_path / 'missing'} does not exist; name the folder that "
        "holds the class folders, a manifest or an archive."
    )


def test_debug_keeps_the_exit_code_of_a_configuration_error(tmp_path: Path) -> None:
    result = execute("pipeline", "run", "--data", tmp_path, "--debug", "--set", "zzz=1")

    assert result.returncode == 2
    assert "Traceback (most recent call last):" in result.stderr


def test_debug_with_json_still_prints_one_object(tmp_path: Path) -> None:
    result = execute("pipeline", "run", "--data", tmp_path / "missing", "--debug", "--json")

    assert json.loads(result.stdout)["state"] == "failed"
    assert "Traceback (most recent call last):" in result.stderr


def test_names_with_odd_characters_are_printed_as_they_are(tmp_path: Path) -> None:
    missing = tmp_path / "Kätzchen [bold]猫[/bold] 100 %"

    result = execute("pipeline", "run", "--data", missing, "--json")

    said = (
        f"{missing} does not exist; name the folder that holds the class folders, a manifest or "
        "an archive."
    )
    assert result.stderr == f"Error: {said}\n"
    assert json.loads(result.stdout)["error"] == said


def test_name_that_is_not_utf8_still_gives_json(tmp_path: Path) -> None:
    result = execute("pipeline", "run", "--data", tmp_path / "photos \udcff", "--json")

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert json.loads(result.stdout.encode())["state"] == "failed"


@pytest.fixture
def public_photos() -> Iterator[Path]:
    """A data folder that other users can read, in a folder where they cannot write."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield make_photos(Path(name) / "photos")
        Path(name).chmod(0o755)


def test_output_folder_without_permission_is_refused(public_photos: Path) -> None:
    # Imports every module: another user may not be able to read them.
    invoke("pipeline", "run", "--data", public_photos, "--output", public_photos / "cat" / "0.png")
    output = public_photos.parent / "out"
    public_photos.parent.chmod(0o555)
    root = os.geteuid() == 0

    if root:
        os.seteuid(NOBODY)
    try:
        if not os.access(public_photos, os.R_OK | os.X_OK, effective_ids=True):
            pytest.skip(f"{public_photos} cannot be opened to another user")
        result = invoke(
            *("pipeline", "run", "--data", public_photos, "--output", output),
            *("--set", "backbone.weights=none"),
        )
    finally:
        if root:
            os.seteuid(0)

    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: --output {output}: cannot write there (Permission denied); name a folder, or "
        "one that can be made.\n"
    )


def test_init_writes_a_file_that_loads_back_to_the_defaults(tmp_path: Path) -> None:
    result = invoke("init", tmp_path / "new" / "folder")

    file = tmp_path / "new" / "folder" / "pipeline.yaml"
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"Wrote {file}\n", "")
    assert load_config(file) == PipelineConfig()
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# Configuration of `warmstart pipeline run")
    assert "\nversion: 1  # " in text


def test_init_refuses_to_overwrite(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text("name: mine\n", encoding="utf-8")

    result = execute("init", tmp_path)

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"Error: {file} exists already; pass --force to overwrite it.\n"
    assert file.read_text(encoding="utf-8") == "name: mine\n"


def test_init_with_force_overwrites(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text("name: mine\n", encoding="utf-8")

    assert invoke("init", tmp_path, "--force").exit_code == 0
    assert load_config(file) == PipelineConfig()


def test_init_into_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine", encoding="utf-8")

    result = invoke("init", file)

    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: Cannot write {file / 'pipeline.yaml'} (File exists); name a folder that can be "
        "written to.\n"
    )


@pytest.mark.slow
def test_predict_without_a_model_is_refused_in_one_sentence(tmp_path: Path) -> None:
    model = tmp_path / "models" / "1"

    result = execute("predict", model, "tom.jpg")

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"Error: {model} is no folder; name the folder of a pushed model.\n"


def test_run_that_is_refused_is_traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with trace_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        options = ["--data", tmp_path, "--output", tmp_path / "output", "--set", "name=mine"]
        result = invoke("pipeline", "run", *options)

    assert result.exit_code == 1
    (span,) = collector.spans()
    assert (span.name, span.status.code) == ("RUN mine", ERROR)
    assert result.stderr == f"Error: {span.status.message}\n"


def test_trace_that_nobody_takes_is_a_note_beside_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.3")

    result = invoke("pipeline", "run", "--data", tmp_path, "--output", tmp_path / "output")

    assert result.exit_code == 1
    note, error = result.stderr.splitlines()
    assert note == (
        "Note: The trace of this run was not taken by 127.0.0.1:9 within 0.3 seconds (no answer); "
        "look there, or unset OTEL_EXPORTER_OTLP_ENDPOINT."
    )
    assert error.startswith("Error: ")


def test_run_into_a_store_of_a_later_version_is_refused(
    public_photos: Path, tmp_path: Path
) -> None:
    made = MadeStore(tmp_path)
    made.context("pipeline_run", "one", warmstart_record="2", warmstart_version="0.9.0")
    before = made.output.metadata.read_bytes()

    result = invoke("pipeline", "run", "--data", public_photos, "--output", tmp_path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: {tmp_path}/metadata.sqlite holds runs that warmstart 0.9.0 recorded (record "
        "version 2), and warmstart 0.1.0 knows up to record version 1; nothing is written to it: "
        "upgrade warmstart, or name another folder with --output.\n"
    )
    assert made.output.metadata.read_bytes() == before
