"""Tests of what TensorFlow was built for, told without importing it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from pipelines.environment import tensorflow_build
from pipelines.environment.checks import FAIL, PASS, WARN
from pipelines.environment.tensorflow_build import Build, check_build, found_build

ROOT = Path(__file__).parents[3]


def test_installed_build_is_read_without_importing_it() -> None:
    program = (
        "import sys; from pipelines.environment.tensorflow_build import found_build\n"
        "print(found_build()); sys.exit('tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Build(version='{version('tensorflow')}', cuda='12.")


def test_installed_build_passes() -> None:
    build = found_build()
    assert isinstance(build, Build)

    found = check_build(build)

    assert (found.verdict, found.text) == (
        PASS,
        f"{version('tensorflow')}, built for CUDA {build.cuda} and cuDNN {build.cudnn}.",
    )
    assert min(build.capabilities) == 6.0
    assert max(build.capabilities) == 9.0


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, build_info: str) -> None:
    """Puts a TensorFlow of a few files before the real one."""
    file = folder / "tensorflow" / "python" / "platform" / "build_info.py"
    file.parent.mkdir(parents=True)
    file.write_text(build_info, encoding="utf-8")
    (folder / "tensorflow" / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.syspath_prepend(folder)


def test_build_without_cuda_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, monkeypatch, "build_info = {'is_cuda_build': False}")

    found = check_build(found_build())

    assert (found.verdict, found.text) == (
        PASS,
        f"{version('tensorflow')}, built without CUDA.",
    )


def test_broken_installation_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, monkeypatch, "raise OSError('no such thing')")

    found = check_build(found_build())

    assert (found.verdict, found.text) == (
        FAIL,
        f"{tmp_path}/tensorflow/python/platform/build_info.py cannot be read (no such thing); "
        "run `make setup`, or use the image of TensorFlow.",
    )


def test_missing_tensorflow_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorflow_build, "find_spec", lambda _: None)

    found = check_build(found_build())

    assert (found.verdict, found.text) == (
        FAIL,
        "It is not installed; run `make setup`, or use the image of TensorFlow.",
    )


def test_another_version_is_told() -> None:
    found = check_build(Build("2.20.0", "12.5.1", "9"))

    assert (found.verdict, found.text) == (
        WARN,
        "2.20.0, built for CUDA 12.5.1 and cuDNN 9; warmstart was tested with 2.21.0: run "
        "`make setup`.",
    )
