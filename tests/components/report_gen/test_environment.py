"""Tests of what the report says about where it was made."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest
import tensorflow as tf

from components.report_gen.environment import environment
from components.report_gen.git_commit import git_commit


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_environment_names_versions_and_machine() -> None:
    found = environment()

    assert found["python"] == platform.python_version()
    assert found["tensorflow"] == tf.__version__
    assert found["gpus"]
    assert {"keras", "tfx", "ml-metadata"} <= set(found)


def test_commit_of_a_checkout_says_whether_files_were_changed(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "--quiet", "--message", "a")
    commit = git(tmp_path, "rev-parse", "HEAD")

    assert git_commit(tmp_path) == commit
    (tmp_path / "b").write_text("not tracked")
    assert git_commit(tmp_path) == commit
    (tmp_path / "a").write_text("2")
    assert git_commit(tmp_path) == f"{commit} with changes"


def test_folder_that_is_no_checkout_has_no_commit(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None


def test_machine_without_git_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))

    assert git_commit(tmp_path) is None
