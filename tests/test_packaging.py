"""The files around the code: lock, Makefile, set-up and the script that CI runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]

NO_PYTHON = (
    "warmstart needs Python 3.11 and found none on PATH; install it (on Ubuntu and Debian:"
    " python3.11 and python3.11-venv) or name one: make setup PYTHON=/path/to/python3.11\n"
)


def run(*command: str | Path, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs a command without what `make test` itself was called with."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in {"ARGS", "DATA", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "OUTPUT", "PYTHON"}
    }
    return subprocess.run(
        command, cwd=cwd, env=inherited | env, capture_output=True, text=True, check=False
    )


def folder_of_tools(folder: Path, *names: str) -> Path:
    """Makes a folder for PATH with these of the machine's tools and no others."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found, f"{name} is not on PATH"
        (folder / name).symlink_to(found)
    return folder


def script(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Returns a copy of the files that set-up reads."""
    copy = tmp_path / "project"
    shutil.copytree(ROOT / "scripts", copy / "scripts")
    for name in ("Makefile", "pyproject.toml", "requirements-uv.txt", "setup.py", "uv.lock"):
        shutil.copy(ROOT / name, copy)
    return copy


def distributions() -> list[tuple[str, dict[str, str]]]:
    """Returns the wheels and source distributions in the lock, with the package's name."""
    return [
        (package["name"], distribution)
        for package in PACKAGES
        for distribution in [*package.get("wheels", []), package.get("sdist")]
        if distribution
    ]


def test_every_locked_distribution_has_a_hash() -> None:
    unhashed = [
        name
        for name, distribution in distributions()
        if not re.fullmatch("sha256:[0-9a-f]{64}", distribution.get("hash", ""))
    ]
    assert len(distributions()) > len(PACKAGES)
    assert unhashed == []


def test_every_locked_distribution_is_on_pypi() -> None:
    hosts = {urlsplit(distribution["url"]).netloc for _, distribution in distributions()}
    sources = [package["source"] for package in PACKAGES if package["name"] != "warmstart"]
    assert hosts == {"files.pythonhosted.org"}
    assert [s for s in sources if s != {"registry": "https://pypi.org/simple"}] == []


def test_uv_is_pinned_to_hashes() -> None:
    lines = (ROOT / "requirements-uv.txt").read_text(encoding="utf-8").replace("\\\n", "")
    (pin,) = [line for line in lines.splitlines() if not line.startswith("#")]
    assert re.fullmatch(r"uv==[\d.]+(\s+--hash=sha256:[0-9a-f]{64}){2}", pin)


def test_make_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (targets,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    listed = re.findall(r"^  make (\S+) +\S", run("make").stdout, re.MULTILINE)
    assert listed == targets.split()


def test_make_run_without_data_is_one_sentence() -> None:
    result = run("make", "run")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.splitlines()[0] == (
        "make run needs DATA, a folder with a folder of photos per class: make run DATA=photos"
    )


@pytest.mark.parametrize("failing", [None, "lint", "test"])
def test_ci_calls_make_lint_and_make_test(tmp_path: Path, failing: str | None) -> None:
    calls = tmp_path / "calls"
    tools = folder_of_tools(tmp_path / "tools", "bash", "dirname")
    script(tools / "make", f'#!/bin/sh\necho "$PWD: $@" >>"{calls}"\n[ "$1" != "{failing}" ]\n')

    result = run(ROOT / ".ci" / "run", cwd=tmp_path, PATH=str(tools))

    expected = [f"{ROOT}: lint", f"{ROOT}: test"][: 1 if failing == "lint" else 2]
    assert calls.read_text(encoding="utf-8").splitlines() == expected
    assert result.returncode == (1 if failing else 0)


SHIM = "#!/bin/sh\necho 'pyenv: python3.11: command not found' >&2\nexit 127\n"
PYTHON_3_12 = '#!/bin/sh\ncase "$*" in *version_info*) exit 1 ;; esac\n'


@pytest.mark.parametrize("python", [None, SHIM, PYTHON_3_12], ids=["none", "shim", "another"])
def test_setup_without_python_names_the_one_it_needs(project: Path, python: str | None) -> None:
    tools = folder_of_tools(
        project.parent / "tools",
        *("bash", "cat", "dirname", "flock", "mkdir", "rm", "sed"),
        *("sha256sum", "uname"),
    )
    if python:
        for name in ("python3.11", "python3"):
            script(tools / name, python)

    result = run(project / "scripts" / "setup.sh", PATH=str(tools))

    assert (result.returncode, result.stdout, result.stderr) == (2, "", NO_PYTHON)
    assert not (project / ".venv").exists()


def test_setup_refuses_a_python_of_another_version(project: Path) -> None:
    script(project / "python3.12", PYTHON_3_12)
    result = run(project / "scripts" / "setup.sh", PYTHON="./python3.12")
    assert result.returncode == 2
    assert result.stderr == (
        "PYTHON=./python3.12 is not a Python 3.11; name one, or leave PYTHON out.\n"
    )


def test_setup_on_another_platform_names_it(project: Path) -> None:
    tools = folder_of_tools(project.parent / "tools", "bash", "dirname")
    script(tools / "uname", '#!/bin/sh\n[ "$1" = -s ] && echo Darwin || echo arm64\n')
    result = run(project / "scripts" / "setup.sh", PATH=str(tools))
    assert result.returncode == 2
    assert result.stderr == (
        "warmstart runs on Linux x86_64, where TFX has wheels, and this is Darwin arm64;"
        " use the Docker image (make image) on such a machine.\n"
    )


@pytest.mark.parametrize(
    ("environment", "output"),
    [({}, "warmstart-output"), ({"OUTPUT": "my results"}, "my results")],
    ids=["default", "given"],
)
def test_make_demo_hands_on_where_results_go(
    tmp_path: Path, environment: dict[str, str], output: str
) -> None:
    """An exported variable counts as set for `?=`: results once went into the checkout itself."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "scripts").mkdir()
    script(tmp_path / "scripts" / "setup.sh", "#!/usr/bin/env bash\ntrue\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    script(tmp_path / ".venv" / "bin" / "warmstart", '#!/usr/bin/env bash\nprintf "%s|" "$@"\n')
    result = subprocess.run(
        ["make", "--silent", "demo"],
        cwd=tmp_path,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.stdout == f"pipeline|run|--data|samples/photos|--output|{output}|"


UNREACHED = "ERROR:pip_audit._cli:absl-py: Dependency not found on PyPI and could not be audited"
AUDITS = {
    "none": (0, "", "No known vulnerabilities found", 0),
    "one": (1, "pillow 1.0 CVE-2024-1", "Found 1 known vulnerability in 1 package", 1),
    "unreached": (1, "", UNREACHED, 2),
    # As pip-audit ends without --strict, where it could ask about nothing.
    "broken": (0, "", "Traceback: no name server", 2),
}


@pytest.mark.parametrize("name", AUDITS)
def test_audit_that_asked_nobody_does_not_count_as_one_that_found_nothing(
    tmp_path: Path, name: str
) -> None:
    status, found, said, expected = AUDITS[name]
    uv = tmp_path / "uv"
    answer = f'echo "{found}"\necho "{said}" >&2\nexit {status}\n'
    script(uv, f'#!/bin/sh\n[ "$1" = export ] && exit\n{answer}')

    result = run(ROOT / "scripts" / "audit.sh", UV=str(uv))

    assert result.returncode == expected
    assert result.stdout.strip() == found
    assert result.stderr.startswith("Nothing was audited: " if expected == 2 else said)


def test_templates_and_static_files_of_the_page_are_in_the_wheel(tmp_path: Path) -> None:
    copy = tmp_path / "project"
    shutil.copytree(ROOT / "review", copy / "review", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, copy)
    # Without isolation: setuptools is there, and the package index need not be.
    script = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    built = run(sys.executable, "-c", script, cwd=copy)
    assert built.returncode == 0, built.stderr[-2000:]

    (wheel,) = (copy / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())

    page = ROOT / "review" / "page"
    files = {
        file.relative_to(ROOT).as_posix()
        for folder in ("templates", "static")
        for file in (page / folder).iterdir()
    }
    assert len(files) > 10
    assert files <= packed
