"""Tests of what is said of folders, disk, memory and ports."""

from __future__ import annotations

import shutil
import socket
from collections import namedtuple
from pathlib import Path

import pytest

from components.backbone.cache import imagenet_file
from pipelines.environment import resources
from pipelines.environment.checks import FAIL, PASS, WARN
from pipelines.environment.resources import (
    check_disk,
    check_memory,
    check_ports,
    check_weight_cache,
    is_writable,
    why_taken,
)

GIB = 2**30
Usage = namedtuple("Usage", "total used free")


def memory(folder: Path, total: float, free: float) -> Path:
    """Writes Linux' table of memory, in GiB."""
    file = folder / "meminfo"
    lines = {"MemTotal": total, "MemFree": 0.0, "MemAvailable": free}
    file.write_text(
        "".join(f"{name + ':':<12} {int(size * 2**20):>9} kB\n" for name, size in lines.items())
    )
    return file


@pytest.mark.parametrize(
    ("total", "free", "verdict", "text"),
    [
        (16, 8, PASS, "16.0 GiB, 8.0 of them free."),
        (16, 3, WARN, "16.0 GiB, 3.0 of them free; with less than 4 a run may be ended."),
        (1.5, 1, FAIL, "1.5 GiB, 1.0 of them free, and a run needs 2 or more."),
    ],
)
def test_memory_is_told(tmp_path: Path, total: float, free: float, verdict: str, text: str) -> None:
    found = check_memory(memory(tmp_path, total, free), tmp_path / "cgroup")

    assert (found.verdict, found.text) == (verdict, text)


@pytest.mark.parametrize("name", ["memory.max", "memory/memory.limit_in_bytes"])
def test_memory_of_a_container_is_what_it_may_use(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(f"{GIB}\n")

    found = check_memory(memory(tmp_path, 64, 32), tmp_path)

    assert found.verdict == FAIL
    assert found.text == "1.0 GiB, 1.0 of them free, and a run needs 2 or more."


def test_container_without_a_limit_has_all_memory(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")

    assert check_memory(memory(tmp_path, 64, 32), tmp_path).text == "64.0 GiB, 32.0 of them free."


def test_memory_of_this_machine_can_be_told() -> None:
    assert " GiB, " in check_memory().text


@pytest.mark.parametrize(
    ("free", "verdict", "ending"),
    [
        (50, PASS, "50.0 GiB are free for {}."),
        (3, WARN, "3.0 GiB are free for {}; with thousands of photos a run may need more."),
        (0.5, FAIL, "0.5 GiB are free for {}, and a run needs 1 or more; make room."),
    ],
)
def test_disk_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, verdict: str, ending: str
) -> None:
    asked: list[Path] = []

    def usage(path: Path) -> Usage:
        asked.append(path)
        return Usage(0, 0, free * GIB)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    folder = tmp_path / "not" / "there"

    found = check_disk(folder)

    assert (found.verdict, found.text) == (verdict, ending.format(folder))
    assert asked == [tmp_path]


def test_output_that_cannot_be_written_to_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    found = check_disk(tmp_path / "file" / "output")

    assert (found.verdict, found.text) == (
        FAIL,
        f"{tmp_path}/file/output cannot be written to; name another folder with --output, or in a "
        'container run as its owner: --user "$(id -u):$(id -g)".',
    )
    assert not is_writable(tmp_path / "file")


def test_weights_that_are_there_are_named(tmp_path: Path) -> None:
    (tmp_path / imagenet_file("VGG16")).touch()

    found = check_weight_cache(tmp_path)

    assert (found.verdict, found.text) == (PASS, f"{tmp_path}, with those of VGG16.")
    assert check_weight_cache(tmp_path / "new").text == (
        f"{tmp_path}/new, with those of no backbone."
    )


def test_weight_cache_that_can_only_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "is_writable", lambda _: False)

    found = check_weight_cache(tmp_path)

    assert (found.verdict, found.text) == (
        WARN,
        f"{tmp_path} cannot be written to, so weights can only be read from there; name another "
        "folder with --weights-cache.",
    )


def test_ports_that_are_taken_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        port, free = taken.getsockname()[1], other.getsockname()[1]
        other.close()
        monkeypatch.setattr(resources, "PORTS", {"notebook": free, "review": port})
        found = check_ports()
    later = check_ports()

    assert (found.verdict, found.text) == (
        WARN,
        f"Taken: {port} (review); end what listens, or name another port.",
    )
    assert (later.verdict, later.text) == (PASS, f"{free}, {port} are free.")


def test_port_of_an_address_that_is_not_ours_cannot_be_listened_to() -> None:
    assert why_taken(8888, "192.0.2.1") == "Cannot assign requested address"
