"""Tests of the lines for Docker, as a shell reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipelines.environment.docker_line import (
    Container,
    Line,
    Mount,
    build_line,
    notebook_line,
    run_line,
)

WEIGHTS = Path("/home/me/.keras/models")


def container(gpus: str = "", *, terminal: bool = False) -> Container:
    return Container("warmstart", gpus, "1000:1000", WEIGHTS, terminal=terminal)


def as_a_shell_reads(line: Line) -> list[str]:
    """Runs the line in a shell, with a function in place of Docker."""
    script = f"docker() {{ printf '%s\\0' docker \"$@\"; }}\n{line}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split("\0")[:-1]


def test_run_mounts_everything_where_it_lies_and_writes_as_the_user() -> None:
    line = run_line(container("0,1"), "/photos", Path("/home/me/out"), config=Path("/my/p.yaml"))

    assert str(line) == (
        "docker run --rm --init --gpus '\"device=0,1\"' --shm-size 1g --user 1000:1000 "
        "--no-healthcheck "
        "--mount type=bind,source=/home/me/out,target=/home/me/out "
        "--mount type=bind,source=/home/me/.keras/models,target=/weights "
        "--mount type=bind,source=/photos,target=/photos,readonly "
        "--mount type=bind,source=/my/p.yaml,target=/my/p.yaml,readonly "
        "warmstart pipeline run --data /photos --output /home/me/out --config /my/p.yaml"
    )


def test_line_is_read_by_a_shell_as_it_is_run() -> None:
    line = run_line(
        container("0,1"),
        "/my photos/it's",
        Path("/out, of 2"),
        arguments=["--set", "backbone.name=VGG16; rm -rf $HOME"],
    )

    assert as_a_shell_reads(line) == list(line.command)


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [
        ("all", ["--gpus", "all", "--shm-size", "1g"]),
        ("2", ["--gpus", '"device=2"', "--shm-size", "1g"]),
        ("", []),
    ],
)
def test_gpus_are_named_as_docker_reads_them(gpus: str, expected: list[str]) -> None:
    command = run_line(container(gpus), "/photos", Path("/out")).command

    assert list(command[4 : command.index("--user")]) == expected


def test_terminal_is_handed_on_so_that_ctrl_c_reaches_the_run() -> None:
    command = run_line(container(terminal=True), "/photos", Path("/out")).command

    assert command[4:6] == ("--interactive", "--tty")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/photos", "type=bind,source=/photos,target=/inside"),
        ("/a,b", 'type=bind,"source=/a,b",target=/inside'),
        ('/5"', 'type=bind,"source=/5""",target=/inside'),
    ],
)
def test_mount_is_csv(path: str, expected: str) -> None:
    assert str(Mount(Path(path), "/inside")) == expected


def test_photos_elsewhere_are_not_mounted() -> None:
    command = run_line(container(), "gs://bucket/photos", Path("/out")).command

    assert [part for part in command if "readonly" in part] == []
    assert "gs://bucket/photos" in command


@pytest.mark.parametrize(
    ("data", "mounted"),
    [
        ("/photos/labels.csv", "/photos"),
        ("/photos/labels.PARQUET", "/photos"),
        ("/photos/all.zip", "/photos/all.zip"),
    ],
)
def test_manifest_is_mounted_with_the_photos_beside_it(data: str, mounted: str) -> None:
    line = run_line(container(), data, Path("/out"))

    assert f"type=bind,source={mounted},target={mounted},readonly" in line.command


def test_notebook_is_for_this_machine_and_its_token_in_no_list_of_processes() -> None:
    line = notebook_line(container(), Path("/project"), port=9999, token="secret")

    assert str(line) == (
        "JUPYTER_TOKEN=secret docker run --rm --init --user 1000:1000 "
        "--publish 127.0.0.1:9999:8888 --env JUPYTER_TOKEN "
        "--mount type=bind,source=/project,target=/project "
        "--mount type=bind,source=/home/me/.keras/models,target=/weights "
        "--workdir /project warmstart"
    )
    assert not any("secret" in part for part in line.command)
    assert as_a_shell_reads(line) == list(line.command)


def test_notebook_sees_photos_outside_the_project() -> None:
    line = notebook_line(container(), Path("/p"), port=8888, token="t", data=Path("/photos"))

    assert "type=bind,source=/photos,target=/photos,readonly" in line.command


def test_build_names_target_and_processor() -> None:
    line = build_line(Path("my checkout"), "mine:1", target="worker", processor="cpu")

    assert str(line) == (
        "docker build --tag mine:1 --target worker --build-arg PROCESSOR=cpu 'my checkout'"
    )
