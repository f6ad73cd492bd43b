"""Tests of what no code here may do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = (
    *("benchmarks", "cli", "components", "decoding"),
    *("pipelines", "review", "samples", "schemas"),
)

# Each runs whatever a file holds that someone else wrote. numpy and pandas pickle as well.
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
FORBIDDEN_NAMES = {"eval", "exec", "read_pickle", "to_pickle", "unsafe_load", "full_load"}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), ast.parse(file.read_text())


def called(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def keywords(node: ast.Call) -> dict[str | None, object]:
    return {
        keyword.arg: keyword.value.value
        for keyword in node.keywords
        if isinstance(keyword.value, ast.Constant)
    }


def found(tree: ast.Module) -> Iterator[str]:
    """Yields what code does that it may not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = {alias.name.partition(".")[0] for alias in node.names}
            yield from sorted(names & FORBIDDEN_MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from sorted({node.module.partition(".")[0]} & FORBIDDEN_MODULES)
        elif isinstance(node, ast.Call):
            name, given = called(node), keywords(node)
            if name in FORBIDDEN_NAMES or given.get("allow_pickle") or given.get("shell"):
                yield name
            # Beam's handlers of models have one that is told no file.
            told = node.args or node.keywords
            if name == "load_model" and told and given.get("safe_mode") is not True:
                yield "load_model without safe_mode"
            if name == "load" and isinstance(node.func, ast.Attribute):
                of = getattr(node.func.value, "id", "")
                loader = ast.unparse(ast.Tuple([*node.args[1:], *(k.value for k in node.keywords)]))
                if of == "yaml" and "SafeLoader" not in loader and "_Loader" not in loader:
                    yield "yaml.load without a safe loader"


def test_nothing_runs_what_a_file_holds() -> None:
    assert {place: list(found(tree)) for place, tree in sources() if list(found(tree))} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "eval('1')",
        "numpy.load(file, allow_pickle=True)",
        "keras.saving.load_model(file)",
        "keras.saving.load_model(file, safe_mode=False)",
        "yaml.load(text, Loader=yaml.Loader)",
        "pandas.read_pickle(file)",
        "subprocess.run(line, shell=True)",
    ],
)
def test_what_runs_what_a_file_holds_is_noticed(code: str) -> None:
    assert list(found(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "yaml.load(text, Loader=yaml.CSafeLoader)",
        "numpy.load(file)",
        "keras.saving.load_model(file, safe_mode=True)",
        "handler.load_model()",
        "json.load(stream)",
    ],
)
def test_what_only_reads_is_allowed(code: str) -> None:
    assert list(found(ast.parse(code))) == []
