"""Tests of what is said of Python and the C library."""

from __future__ import annotations

import platform

import pytest

from pipelines.environment import interpreter
from pipelines.environment.checks import FAIL, PASS, WARN
from pipelines.environment.interpreter import check_glibc, check_python


def test_python_that_was_tested_passes() -> None:
    found = check_python()

    assert found.verdict == PASS
    assert found.text == f"CPython {platform.python_version()} on Linux x86_64"


def test_another_platform_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")

    found = check_python()

    assert (found.verdict, found.text) == (
        FAIL,
        f"CPython {platform.python_version()} on Linux aarch64; TFX needs CPython 3.11 on Linux "
        "x86_64, as the image has.",
    )


def test_glibc_that_wheels_need_passes() -> None:
    found = check_glibc()

    assert found.verdict == PASS
    assert found.text.startswith(f"{platform.libc_ver()[1]}; the locked wheels need 2.")


def test_glibc_that_is_too_old_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.9"))
    monkeypatch.setattr(interpreter, "glibc_needed", lambda _: (2, 27))

    found = check_glibc()

    assert (found.verdict, found.text) == (
        FAIL,
        "2.9, and a locked wheel needs 2.27; use the image.",
    )


def test_another_c_library_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))

    found = check_glibc()

    assert (found.verdict, found.text) == (
        FAIL,
        "The C library is no glibc (unknown); use the image.",
    )


def test_glibc_without_a_lock_is_only_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "find_lock", lambda: None)
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.40"))

    found = check_glibc()

    assert (found.verdict, found.text) == (
        WARN,
        "2.40; uv.lock is not here to say what is needed.",
    )
