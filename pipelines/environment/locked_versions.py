"""The packages in uv.lock, and what of them is installed."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

from pipelines.environment.checks import FAIL, PASS, WARN, Check
from schemas.errors import shortened_list

# What the lock is for, as in pyproject.toml.
PYTHON = (3, 11)

_PROJECT = "warmstart"
_MOST_NAMED = 5
_MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_x86_64")
_LEGACY = {
    "manylinux1_x86_64": (2, 5),
    "manylinux2010_x86_64": (2, 12),
    "manylinux2014_x86_64": (2, 17),
}


@dataclass(frozen=True)
class LockedPackage:
    """A package of the lock.

    Attributes:
        name: as the lock writes it.
        version: the same.
        wheels: names of files.
    """

    name: str
    version: str
    wheels: tuple[str, ...]


def find_lock() -> Path | None:
    """Returns uv.lock of the checkout that is run, or that the image was built from."""
    places = (Path(__file__).parents[2], Path(sys.prefix))
    return next((file for place in places if (file := place / "uv.lock").is_file()), None)


def needed_packages(lock: Path) -> list[LockedPackage]:
    """Returns what a lock holds for warmstart without its extras, by name; not warmstart itself."""
    entries = tomllib.loads(lock.read_text(encoding="utf-8"))["package"]
    by_name: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in entries}
    needed: set[str] = set()
    waiting = [(_PROJECT, "")]
    followed: set[tuple[str, str]] = set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in followed:
            continue
        followed.add((name, extra))
        needed.add(name)
        entry = by_name[name]
        lines = entry.get("optional-dependencies", {}).get(extra, ()) if extra else ()
        for line in (*entry.get("dependencies", ()), *lines):
            waiting += [(line["name"], one) for one in ("", *line.get("extra", ()))]
    return [_package(by_name[name]) for name in sorted(needed - {_PROJECT})]


def glibc_needed(packages: Iterable[LockedPackage]) -> tuple[int, int]:
    """Returns the oldest glibc on which a wheel of every package can be installed.

    A package without any wheel, which is built where it is installed, asks for none.
    """
    needs = (package_glibc(package) for package in packages)
    return max((need for need in needs if need), default=(0, 0))


def package_glibc(package: LockedPackage) -> tuple[int, int] | None:
    """Returns the oldest glibc on which a wheel fits; None if none fits this Python at all."""
    fitting = {
        (tag.interpreter, tag.abi)
        for tags in (cpython_tags(PYTHON, platforms=["any"]), compatible_tags(PYTHON, platforms=[]))
        for tag in tags
    }
    found = [
        need
        for wheel in package.wheels
        for tag in parse_wheel_filename(wheel)[3]
        if (tag.interpreter, tag.abi) in fitting and (need := _glibc(tag))
    ]
    return min(found, default=None)


def check_versions() -> Check:
    """Compares what is installed with the lock."""
    lock = find_lock()
    if not lock:
        return Check(
            "Packages", WARN, "uv.lock is not here, so versions were not compared with it."
        )
    packages = needed_packages(lock)
    installed = installed_versions()
    missing = [one.name for one in packages if one.name not in installed]
    others = [
        f"{one.name} {installed[one.name]} instead of {one.version}"
        for one in packages
        if installed.get(one.name, one.version) != one.version
    ]
    if missing:
        return Check(
            "Packages",
            FAIL,
            f"{_named(missing)} of uv.lock {'is' if len(missing) == 1 else 'are'} not installed; "
            "run `make setup`, or build the image anew.",
        )
    if others:
        return Check(
            "Packages",
            WARN,
            f"Other versions than in uv.lock, with which nothing was tested: {_named(others)}; "
            "run `make setup`, or build the image anew.",
        )
    return Check("Packages", PASS, f"{len(packages)} packages as in uv.lock.")


def installed_versions() -> dict[str, str]:
    """Returns the version of each package that an import would find, by the name in a lock."""
    found: dict[str, str] = {}
    for one in distributions():
        try:
            name = one.metadata["Name"]
        except FileNotFoundError:  # Of the package importlib_metadata, which takes Python's place.
            continue
        if name:
            found.setdefault(canonicalize_name(name), one.version)
    # The same without CUDA, as TensorFlow's images without CUDA may have it.
    found.setdefault("tensorflow", found.get("tensorflow-cpu", ""))
    return {name: version for name, version in found.items() if version}


def _package(entry: dict[str, Any]) -> LockedPackage:
    wheels = (wheel["url"].rsplit("/", 1)[1] for wheel in entry.get("wheels", ()))
    return LockedPackage(entry["name"], entry["version"], tuple(wheels))


def _glibc(tag: Tag) -> tuple[int, int] | None:
    if tag.platform == "any":
        return (0, 0)
    match = _MANYLINUX.fullmatch(tag.platform)
    return (int(match[1]), int(match[2])) if match else _LEGACY.get(tag.platform)


def _named(names: list[str]) -> str:
    return shortened_list(names, most=_MOST_NAMED)
