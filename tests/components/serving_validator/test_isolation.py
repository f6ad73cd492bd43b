"""Tests of the clean process: what it cannot import, and what is said when it fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from components.serving_validator.isolation import _what_failed, link_tensorflow

OURS = ("cli", "components", "pipelines", "samples", "schemas")
OF_THE_PIPELINE = ("tfx", "tensorflow_transform", "apache_beam", "tfx_bsl", "keras", "PIL")


def test_tensorflow_is_linked_and_nothing_of_the_project_or_tfx(tmp_path: Path) -> None:
    link_tensorflow(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}

    assert {"tensorflow", "numpy", "absl", "google"} <= names
    assert not names & {*OURS, *OF_THE_PIPELINE, "tensorflow_text"}
    assert not [name for name in names if "warmstart" in name or name.endswith(".pth")]
    assert "protobuf" in {path.name for path in (tmp_path / "google").iterdir()}
    assert "cloud" not in {path.name for path in (tmp_path / "google").iterdir()}


def test_clean_process_imports_numpy_but_nothing_of_the_project(tmp_path: Path) -> None:
    packages, empty = tmp_path / "packages", tmp_path / "empty"
    packages.mkdir()
    empty.mkdir()
    link_tensorflow(packages)
    code = """
import importlib, sys
sys.path.append(sys.argv[1])
import numpy
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except ImportError:
        continue
    print(name)
"""
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code, packages, *OURS, *OF_THE_PIPELINE],
        cwd=empty,
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout == ""


@pytest.mark.parametrize(
    ("code", "failed", "said"),
    [
        (None, None, "its process had not ended after 2.5 s, while loading the model"),
        (1, "it has no signature a (it has: b)", "it has no signature a (it has: b)"),
        (-6, None, "its process was ended by SIGABRT while loading the model"),
        (
            -9,
            None,
            "its process was ended by SIGKILL while loading the model, as when memory runs out; "
            "end other programs, or choose a smaller backbone.name",
        ),
        (-99, None, "its process was ended by signal 99 while loading the model"),
        (3, None, "its process ended with exit code 3 while loading the model"),
        (0, None, "its process ended with exit code 0 while loading the model"),
    ],
)
def test_sentence_says_what_became_of_the_process(
    code: int | None, failed: str | None, said: str
) -> None:
    answers = {"failed": failed} if failed else None

    assert _what_failed(code, answers, "loading the model", 2.5) == said
