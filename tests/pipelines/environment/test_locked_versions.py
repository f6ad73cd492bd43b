"""Tests of the lock: what belongs to it, and on which C library it installs."""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from pipelines.environment import locked_versions
from pipelines.environment.checks import FAIL, PASS, WARN
from pipelines.environment.locked_versions import (
    LockedPackage,
    check_versions,
    find_lock,
    glibc_needed,
    installed_versions,
    needed_packages,
    package_glibc,
)

ROOT = Path(__file__).parents[3]

# Of tensorflow/tensorflow:2.21.0-gpu, which is Ubuntu 22.04.
IMAGE_GLIBC = (2, 35)
# PyPI has these as source only; they are plain Python, and no compiler is needed.
SOURCE_ONLY = {"kfp-server-api", "rouge-score", "warmstart"}

LOCK = """
[[package]]
name = "warmstart"
version = "1"
source = { editable = "." }
dependencies = [{ name = "beam", extra = ["gcp"] }, { name = "pip" }]

[package.optional-dependencies]
dev = [{ name = "ruff" }]

[[package]]
name = "beam"
version = "2"
dependencies = [{ name = "pip" }]

[package.optional-dependencies]
gcp = [{ name = "cloud" }]
aws = [{ name = "elsewhere" }]

[[package]]
name = "cloud"
version = "3"
dependencies = [{ name = "beam" }]

[[package]]
name = "elsewhere"
version = "4"

[[package]]
name = "pip"
version = "PIP"
wheels = [{ url = "https://files/pip-PIP-py3-none-any.whl" }]

[[package]]
name = "ruff"
version = "5"
"""


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "uv.lock"
    file.write_text(LOCK, encoding="utf-8")
    monkeypatch.setattr(locked_versions, "find_lock", lambda: file)
    return file


def package(*wheels: str) -> LockedPackage:
    return LockedPackage("a", "1", wheels)


def every_package() -> list[LockedPackage]:
    """The whole lock, extras too."""
    entries = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    return [
        LockedPackage(
            entry["name"],
            entry["version"],
            tuple(wheel["url"].rsplit("/", 1)[1] for wheel in entry.get("wheels", ())),
        )
        for entry in entries
    ]


def test_every_locked_package_installs_in_the_image() -> None:
    needs = {one.name: package_glibc(one) for one in every_package()}

    assert {name for name, need in needs.items() if need is None} == SOURCE_ONLY
    assert {name: need for name, need in needs.items() if need and need > IMAGE_GLIBC} == {}


def test_packages_that_are_needed_have_every_one_that_the_installation_has() -> None:
    names = {one.name for one in needed_packages(ROOT / "uv.lock")}

    assert {"tensorflow", "tfx", "keras", "google-cloud-bigquery"} <= names
    assert names.isdisjoint({"pytest", "onnx", "warmstart"})


def test_extras_belong_to_the_lock_where_they_are_asked_for(lock: Path) -> None:
    assert [one.name for one in needed_packages(lock)] == ["beam", "cloud", "pip"]


@pytest.mark.parametrize(
    ("wheels", "expected"),
    [
        (["a-1-py3-none-any.whl"], (0, 0)),
        (["a-1-cp311-cp311-manylinux_2_39_x86_64.whl"], (2, 39)),
        (["a-1-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"], (2, 17)),
        (["a-1-cp39-abi3-manylinux_2_28_x86_64.whl"], (2, 28)),
        (["a-1-py3-none-manylinux1_x86_64.whl"], (2, 5)),
        (["a-1-cp311-cp311-manylinux2010_x86_64.whl"], (2, 12)),
        (
            [
                "a-1-cp311-cp311-manylinux_2_39_x86_64.whl",
                "a-1-cp311-cp311-manylinux_2_28_x86_64.whl",
            ],
            (2, 28),
        ),
        (["a-1-cp312-cp312-manylinux_2_17_x86_64.whl"], None),
        (["a-1-cp312-abi3-manylinux_2_17_x86_64.whl"], None),
        (["a-1-cp311-cp311-musllinux_1_2_x86_64.whl"], None),
        (["a-1-cp311-cp311-manylinux_2_17_aarch64.whl"], None),
        ([], None),
    ],
)
def test_wheel_says_which_glibc_it_needs(
    wheels: list[str], expected: tuple[int, int] | None
) -> None:
    assert package_glibc(package(*wheels)) == expected


def test_newest_need_of_all_packages_counts() -> None:
    old = package("a-1-cp311-cp311-manylinux_2_17_x86_64.whl")
    new = package("a-1-cp311-cp311-manylinux_2_39_x86_64.whl")

    assert glibc_needed([old, new, package()]) == (2, 39)
    assert glibc_needed([package()]) == (0, 0)


def test_installation_is_as_in_the_lock() -> None:
    found = check_versions()

    assert (found.verdict, found.text) == (
        PASS,
        f"{len(needed_packages(ROOT / 'uv.lock'))} packages as in uv.lock.",
    )


def test_packages_that_are_missing_are_named(lock: Path) -> None:
    found = check_versions()

    assert (found.verdict, found.text) == (
        FAIL,
        "beam, cloud of uv.lock are not installed; run `make setup`, or build the image anew.",
    )


def test_package_of_another_version_is_named(lock: Path) -> None:
    only_pip = LOCK.replace(
        '[{ name = "beam", extra = ["gcp"] }, { name = "pip" }]', '[{ name = "pip" }]'
    )
    lock.write_text(only_pip, encoding="utf-8")

    found = check_versions()

    assert (found.verdict, found.text) == (
        WARN,
        "Other versions than in uv.lock, with which nothing was tested: pip "
        f"{version('pip')} instead of PIP; run `make setup`, or build the image anew.",
    )


def test_tensorflow_without_cuda_may_have_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tensorflow_cpu-2.dist-info").mkdir()
    metadata = tmp_path / "tensorflow_cpu-2.dist-info" / "METADATA"
    metadata.write_text("Name: tensorflow_cpu\nVersion: 2\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    assert installed_versions()["tensorflow"] == "2"
    metadata.unlink()
    assert installed_versions() == {}


def test_package_without_metadata_is_none_whoever_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once some package imports importlib_metadata, that one answers for Python's own."""
    importlib_metadata = pytest.importorskip("importlib_metadata")
    (tmp_path / "gone-1.dist-info").mkdir()
    found = importlib_metadata.distributions(path=[str(tmp_path)])
    monkeypatch.setattr(locked_versions, "distributions", lambda: found)

    assert installed_versions() == {}


def test_lock_is_that_of_the_checkout() -> None:
    assert find_lock() == ROOT / "uv.lock"


def test_lock_is_found_where_the_image_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "lib" / "python3.11" / "site-packages"
    module = installed / "pipelines" / "environment" / "locked_versions.py"
    monkeypatch.setattr(locked_versions, "__file__", str(module))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert find_lock() is None
    (tmp_path / "uv.lock").touch()

    assert find_lock() == tmp_path / "uv.lock"


def test_installation_without_a_lock_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locked_versions, "find_lock", lambda: None)

    found = check_versions()

    assert (found.verdict, found.text) == (
        WARN,
        "uv.lock is not here, so versions were not compared with it.",
    )
