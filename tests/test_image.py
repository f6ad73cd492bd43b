"""The image, as far as that can be tried without a Docker engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dev_tools import tool
from docker.utils.build import exclude_paths
from jupyter_client.kernelspec import KernelSpecManager
from waiting import wait_until

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENTRY_POINT = ROOT / "scripts" / "entrypoint.sh"

# What people build, as `--target` names it.
TARGETS = ("worker", "notebook")

# Of no one.
USER = 10001


@dataclass(frozen=True)
class Instruction:
    """A line of the Dockerfile; those before the first stage have none."""

    stage: str
    name: str
    rest: str


def instructions(stage: str | None = None, name: str | None = None) -> list[Instruction]:
    """Reads the Dockerfile."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    found: list[Instruction] = []
    current = ""
    for line in filter(None, text.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            current = rest.rpartition(" AS ")[2]
        found.append(Instruction(current, word, re.sub(r" +", " ", rest.strip())))
    return [one for one in found if stage in {None, one.stage} and name in {None, one.name}]


def environment(stage: str) -> dict[str, str]:
    """Returns the variables that a stage sets."""
    lines = " ".join(one.rest for one in instructions(stage, "ENV"))
    return dict(part.split("=", 1) for part in lines.split())


def locked(name: str) -> str:
    (version,) = [package["version"] for package in PACKAGES if package["name"] == name]
    return str(version)


def context() -> set[str]:
    """Returns the files that Docker would be sent, by Docker's own client."""
    patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in patterns if line and not line.startswith("#")]
    found = exclude_paths(str(ROOT), patterns, dockerfile=None)
    # Docker reads these two whether they are ignored or not, and copies neither.
    return {name for name in found if (ROOT / name).is_file()} - {"Dockerfile", ".dockerignore"}


def closed_copy(folder: Path) -> Path:
    """Copies what Docker would be sent; it can only be read."""
    for name in context():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for path in (folder, *folder.rglob("*")):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o555)
    return folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user can look into, which is not so of pytest's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def source(folder: Path) -> Iterator[Path]:
    """A copy of what the image is built from, which no one can write to."""
    copy = closed_copy(folder / "source")
    yield copy
    for path in (copy, *copy.rglob("*")):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)


def as_nobody(
    *command: str | Path, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command as the image does: no root, and no more variables than it sets.

    It may read everything, as the image's Python can be by anyone; root's own may not.
    """
    other = [
        *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"),
        *("--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"),
    ]
    return subprocess.run(
        [*(other if os.getuid() == 0 else ()), *(str(part) for part in command)],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "USER": "warmstart", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_dockerfile_has_nothing_that_its_linter_knows_better() -> None:
    done = subprocess.run(
        [tool("hadolint"), ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_versions_are_those_of_the_lock() -> None:
    given = dict(one.rest.split("=") for one in instructions("", "ARG"))

    assert given == {
        "TENSORFLOW_VERSION": locked("tensorflow"),
        "BEAM_VERSION": locked("apache-beam"),
        "PROCESSOR": "gpu",
    }


def test_every_image_is_built_on_tensorflows_own_of_the_locked_version() -> None:
    bases = dict(one.rest.split(" AS ")[::-1] for one in instructions(name="FROM"))

    image = "tensorflow/tensorflow:${TENSORFLOW_VERSION}"
    assert bases == {
        "gpu": f"{image}-gpu",
        "cpu": image,
        "gpu-jupyter": f"{image}-gpu-jupyter",
        "cpu-jupyter": f"{image}-jupyter",
        "beam": "apache/beam_python3.11_sdk:${BEAM_VERSION}",
        "build": "${PROCESSOR}",
        "worker": "${PROCESSOR}",
        "notebook": "${PROCESSOR}-jupyter",
    }
    assert list(bases)[-1] == "notebook"


def test_packages_come_from_the_lock_with_hashes_and_without_tensorflow() -> None:
    steps = " ".join(one.rest for one in instructions("build", "RUN"))

    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (export,) = re.findall("^EXPORT := (.*)$", makefile, re.MULTILINE)
    assert f"/uv/bin/uv {export} " in steps
    assert "--no-emit-package tensorflow" in export
    assert "--no-deps --require-hashes --requirement requirements.txt" in steps
    for one in instructions("build", "RUN"):
        assert one.rest.startswith("--mount=type=cache,target=/root/.cache/")


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_left_behind_is_the_environment_only(target: str) -> None:
    sources = {one.rest for one in instructions(target, "COPY")}
    steps = " ".join(one.rest for one in instructions(target, "RUN"))

    assert "--from=build /opt/warmstart /opt/warmstart" in sources
    assert all(one.startswith("--from=") for one in sources)
    for word in ("apt-get", "gcc", "pip install", "uv "):
        assert word not in steps


@pytest.mark.parametrize("target", TARGETS)
def test_image_runs_as_no_root_and_says_what_it_is(target: str) -> None:
    (user,) = instructions(target, "USER")
    (labels,) = instructions(target, "LABEL")
    (entry,) = instructions(target, "ENTRYPOINT")
    after = instructions(target)[instructions(target).index(user) :]

    assert user.rest == str(USER)
    assert "RUN" not in {one.name for one in after}
    assert f'org.opencontainers.image.version="{PROJECT["version"]}"' in labels.rest
    for name in ("title", "description", "licenses"):
        assert f"org.opencontainers.image.{name}=" in labels.rest
    assert entry.rest == '["warmstart-container"]'


@pytest.mark.parametrize("target", TARGETS)
def test_build_stops_if_the_image_holds_another_tensorflow(target: str, tmp_path: Path) -> None:
    (step,) = [one.rest for one in instructions(target, "RUN") if "tensorflow" in one.rest]
    (tmp_path / "tensorflow.py").write_text("__version__ = '2.20.0'")
    (tmp_path / "python").symlink_to(sys.executable)
    variables = {"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)}

    done = {
        wanted: subprocess.run(
            ["/bin/sh", "-c", step.replace("${TENSORFLOW_VERSION}", wanted)],
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        for wanted in ("2.20.0", "2.21.0")
    }

    assert done["2.20.0"].returncode == 0
    assert done["2.21.0"].returncode == 1
    assert done["2.21.0"].stderr == "The image holds TensorFlow 2.20.0, not 2.21.0.\n"


def test_both_images_have_the_same_environment_but_for_what_only_one_needs() -> None:
    worker, notebook = map(environment, TARGETS)

    assert worker.pop("RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT") == "1"
    assert notebook.pop("JUPYTER_PATH") == "/opt/warmstart/share/jupyter"
    assert worker == notebook
    assert not any("jupyter" in one.rest for one in instructions("worker"))


def test_context_holds_every_file_of_the_packages_and_nothing_else() -> None:
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    packages = set(re.findall(r'"(\w+)\*"', setup))
    assert {"cli", "samples"} < packages
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    files = {
        *("LICENSE", "NOTICE", "README.md", "pyproject.toml", "requirements-uv.txt"),
        *("scripts/entrypoint.sh", "setup.py", "uv.lock"),
    }

    assert context() == {
        name
        for name in tracked
        if (ROOT / name).exists() and (name in files or name.split("/")[0] in packages)
    }


def test_every_file_copied_into_the_image_is_in_its_context() -> None:
    copies = [one.rest for one in instructions("build", "COPY")]
    sources = [source for copy in copies for source in copy.split()[:-1]]

    assert sources[-1] == "."
    assert set(sources[:-1]) <= context()
    assert "scripts/entrypoint.sh" in context()


def test_source_that_can_only_be_read_answers_to_anyone(source: Path, folder: Path) -> None:
    start = "import sys; sys.argv[0] = 'warmstart'; from cli.main import main; main()"
    command = [sys.executable, "-B", "-c", start]
    elsewhere = {"HOME": str(folder / "no home"), "PYTHONPATH": str(source)}

    helped = as_nobody(*command, "--help", cwd=source, **elsewhere)
    checked = as_nobody(*command, "data", "check", "samples/photos", cwd=source, **elsewhere)

    assert (helped.returncode, helped.stderr) == (0, "")
    assert "Usage: warmstart " in helped.stdout
    assert checked.stderr == ""
    assert checked.returncode == 0
    assert checked.stdout.startswith("122 photos in class folders\n")
    assert checked.stdout.endswith("A run can be made of these photos.\n")


def test_file_that_can_only_be_read_stays_so(source: Path) -> None:
    done = as_nobody("/usr/bin/touch", source / "new", cwd=source)

    assert done.returncode != 0
    assert not (source / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "warmstart"),
        (["pipeline", "run", "--data", "my photos"], "warmstart|pipeline|run|--data|my photos"),
        (["--version"], "warmstart|--version"),
        (["jupyter-lab", "--ip=0.0.0.0"], "jupyter-lab|--ip=0.0.0.0"),
        (["tensorboard", "--port=6006"], "tensorboard|--port=6006"),
        (["python", "-c", "1"], "python|-c|1"),
        (["bash"], "bash"),
        (["--id=1-1", "--provision_endpoint=x"], "boot|--id=1-1|--provision_endpoint=x"),
        (["--worker_pool"], "boot|--worker_pool"),
    ],
)
def test_container_starts_what_it_is_asked_for(
    tmp_path: Path, arguments: list[str], expected: str
) -> None:
    text = ENTRY_POINT.read_text(encoding="utf-8")
    script = tmp_path / "entrypoint.sh"
    script.write_text(text.replace("/opt/apache/beam/", f"{tmp_path}/"), encoding="utf-8")
    for name in ("warmstart", "jupyter-lab", "tensorboard", "python", "bash", "boot"):
        program = tmp_path / name
        program.write_text(
            '#!/bin/sh\nprintf "%s" "${0##*/}"; for one; do printf "|%s" "$one"; done\n'
        )
        program.chmod(0o755)

    done = subprocess.run(
        ["/bin/sh", script, *arguments],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def test_default_command_starts_jupyter_lab() -> None:
    (command,) = instructions("notebook", "CMD")

    assert json.loads(command.rest) == [
        *("jupyter-lab", "--ip=0.0.0.0", "--port=8888", "--no-browser"),
    ]
    assert "jupyter-lab" in ENTRY_POINT.read_text(encoding="utf-8")


def test_notebooks_run_on_the_python_that_has_warmstart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (step,) = [one.rest for one in instructions("notebook", "RUN") if "kernel.json" in one.rest]
    spec = re.search(r"echo '(.*?)'", step)
    assert spec
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(spec[1], encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    found = KernelSpecManager().get_kernel_spec("python3")

    assert found.argv == [
        *("/opt/warmstart/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"),
    ]
    assert f"{environment('notebook')['JUPYTER_PATH']}/kernels/python3/kernel.json" in step


def test_health_check_tells_whether_jupyter_answers(tmp_path: Path) -> None:
    (check,) = instructions("notebook", "HEALTHCHECK")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = json.loads(check.rest.partition(" CMD ")[2].replace("8888", str(port)))
    command[0] = sys.executable

    def health() -> int:
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode

    assert health() == 1
    serve = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with subprocess.Popen(
        serve, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            (tmp_path / "api").touch()
            wait_until(lambda: health() == 0)
            (tmp_path / "api").unlink()
            assert health() == 1
        finally:
            process.kill()


@pytest.mark.slow
def test_demo_runs_from_the_lock_in_an_empty_environment_as_no_root(
    source: Path, folder: Path
) -> None:
    """The steps of the Dockerfile, TensorFlow included, since no image has it here."""
    found = subprocess.run(
        [ROOT / "scripts" / "setup.sh", "uv"], capture_output=True, text=True, check=True
    )
    uv = ROOT / found.stdout.strip()
    # With the packages that are on this machine already: the tests have a cache of their own.
    variables = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"}
    requirements, environment_ = folder / "requirements.txt", folder / "environment"
    python = environment_ / "bin" / "python"
    export = ["export", "--quiet", "--frozen", "--no-emit-project", "--output-file", requirements]
    installed = ["pip", "install", "--quiet", "--compile-bytecode", "--no-deps", "--python", python]
    constraints = ["--require-hashes", "--build-constraints", requirements]
    base = getattr(sys, "_base_executable", sys.executable)
    for arguments in (
        export,
        ["venv", "--quiet", "--python", base, environment_],
        [*installed, "--requirement", requirements, *constraints],
    ):
        subprocess.run([uv, *arguments], cwd=source, env=variables, check=True)
    # Setuptools writes beside what it builds, so the build has a copy to itself, as in the image.
    build = shutil.copytree(source, folder / "build")
    for path in (build, *build.rglob("*")):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    wheel = ["build", "--quiet", "--wheel", "--out-dir", folder / "dist", *constraints]
    subprocess.run([uv, *wheel], cwd=build, env=variables, check=True)
    built = (folder / "dist").glob("*.whl")
    subprocess.run([uv, *installed, *built], env=variables, check=True)
    home = folder / "home"
    home.mkdir()
    home.chmod(0o777)

    done = as_nobody(
        environment_ / "bin" / "warmstart",
        *("pipeline", "run", "--data", source / "samples" / "photos", "--output", home / "output"),
        "--json",
        cwd=home,
        HOME=str(home),
    )

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["state"], result["error"]) == ("succeeded", None)
    assert (Path(result["pushed_to"]) / "saved_model.pb").is_file()
