"""Tests of what no test may do, and of what may be left out of coverage."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("cli", "components", "decoding", "pipelines", "review", "samples", "schemas")

# Who may sleep, and why.
SLEEPERS = {
    "tests/waiting.py": "between two looks at what is waited for",
    "tests/rest_server.py": "a server that answers late, as a test asks of it",
    "tests/kfp_server.py": "a server that answers late, as a test asks of it",
    "tests/trace_collector.py": "a server that answers late, as a test asks of it",
    "tests/pipelines/test_tracing.py": "time that a span must show",
    "tests/reliability/test_kills.py": "until the moment of a kill, another one each time",
}

_SLEEPS = {"sleep", "wait_for_timeout"}
_LEFT_OUT = re.compile(r"#\s*pragma:\s*no (cover|branch|mutate)\b(?P<reason>.*)")


def sleeps(tree: ast.Module) -> Iterator[int]:
    """Yields the lines that wait for some time, whatever happens."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in _SLEEPS:
                yield node.lineno


def without_reason(text: str) -> list[str]:
    """Returns the lines that are left out of coverage without a word why."""
    return [
        line.strip()
        for line in text.splitlines()
        if (found := _LEFT_OUT.search(line)) and not re.search(r"\(\w.+\)", found["reason"])
    ]


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")


def test_no_test_sleeps_for_a_fixed_time() -> None:
    found = {place: list(sleeps(ast.parse(text))) for place, text in sources("tests")}

    assert {place for place, lines in found.items() if lines} == SLEEPERS.keys()


@pytest.mark.parametrize("code", ["time.sleep(1)", "sleep(0.1)", "page.wait_for_timeout(5)"])
def test_sleep_is_noticed(code: str) -> None:
    assert list(sleeps(ast.parse(code))) == [1]


@pytest.mark.parametrize("code", ["event.wait(5)", "text = 'time.sleep(600)'", "wait_until(came)"])
def test_what_waits_for_something_is_allowed(code: str) -> None:
    assert list(sleeps(ast.parse(code))) == []


def test_no_line_is_left_out_of_coverage_without_a_reason() -> None:
    found = {place: without_reason(text) for place, text in sources(*FOLDERS, "scripts")}

    assert {place: lines for place, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("line", "noticed"),
    [
        ("x = 1  # pragma: no cover", True),
        ("x = 1  # pragma: no cover ()", True),
        ("x = 1  # pragma: no branch", True),
        ("x = 1  # pragma: no cover (only with a GPU)", False),
        ("x = 1  # no cover", False),
    ],
)
def test_line_without_a_reason_is_noticed(line: str, noticed: bool) -> None:
    assert without_reason(line) == [line] * noticed
