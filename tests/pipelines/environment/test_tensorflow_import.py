"""Tests of an import of TensorFlow that may fail in any way: it is one line."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipelines.environment.checks import FAIL, PASS, WARN, Check
from pipelines.environment.tensorflow_import import importing

WITH_GPUS = """
__version__ = "2.21.0"
class config:
    def list_physical_devices(kind):
        print("noise without an end", end="")
        return ["GPU:0"] * {}
"""


@pytest.fixture
def tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that `import tensorflow` runs in other processes."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "tensorflow.py"


def check(gpus: int = 0, seconds: float = 60) -> Check:
    with importing(seconds) as started:
        return started.check(gpus)


def test_broken_import_is_its_last_line(tensorflow: Path) -> None:
    tensorflow.write_text("raise ImportError('libcudart.so.12: cannot open it.\\nSee above.')")

    assert check() == Check("Import", FAIL, "TensorFlow cannot be imported: See above.")


def test_import_that_crashes_is_told_by_its_signal(tensorflow: Path) -> None:
    tensorflow.write_text("import os; os.kill(os.getpid(), 4)")

    assert check() == Check(
        "Import",
        FAIL,
        "TensorFlow cannot be imported: the process was ended by SIGILL, as without AVX.",
    )


def test_import_that_ends_python_in_silence_is_told(tensorflow: Path) -> None:
    tensorflow.write_text("import os; os._exit(3)")

    assert check() == Check("Import", FAIL, "TensorFlow cannot be imported: Python exited with 3.")


def test_import_that_takes_too_long_is_ended_and_warned_of(tensorflow: Path) -> None:
    tensorflow.write_text("import time; time.sleep(600)")
    start = time.monotonic()

    found = check(seconds=0.6)

    assert time.monotonic() - start < 10
    assert found == Check(
        "Import",
        WARN,
        "TensorFlow was not imported within 1 s: the machine is slow, or busy; look again when it "
        "is idle.",
    )


def test_import_that_nobody_waits_for_is_ended(tensorflow: Path) -> None:
    tensorflow.write_text("import time; time.sleep(600)")
    start = time.monotonic()

    with importing():
        pass

    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("seen", "there", "verdict", "ending"),
    [
        (0, 0, PASS, "uses no GPU."),
        (1, 1, PASS, "uses 1 GPU."),
        (2, 2, PASS, "uses 2 GPUs."),
        (1, 2, WARN, "uses 1 of 2 GPUs."),
        (
            *(0, 2, WARN),
            "uses none of 2 GPUs: CUDA's libraries are not here as this TensorFlow needs them; "
            "the image has them, see `warmstart docker`.",
        ),
    ],
)
def test_gpus_that_tensorflow_uses_are_compared_with_those_there_are(
    tensorflow: Path, seen: int, there: int, verdict: str, ending: str
) -> None:
    tensorflow.write_text(WITH_GPUS.format(seen))

    found = check(there)

    assert found.verdict == verdict
    assert found.text.startswith("2.21.0, imported in 0.")
    assert found.text.endswith(f" s, {ending}")


@pytest.mark.slow
def test_installed_tensorflow_is_imported() -> None:
    found = check(seconds=300)

    assert found.verdict == PASS
    assert found.text.startswith("2.21.0, imported in ")
