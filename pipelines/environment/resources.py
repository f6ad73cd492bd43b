"""Disk, memory, ports and folders of a machine, or of the container that one is in."""

from __future__ import annotations

import os
import re
import shutil
import socket
from pathlib import Path

from components.backbone.cache import cached_weights
from pipelines.environment.checks import FAIL, PASS, WARN, Check
from schemas.errors import ConfigError, printable, shortened_list

# This machine alone.
LOCAL = "127.0.0.1"

# What listens where, unless it is told otherwise.
PORTS = {"notebook": 8888, "tensorboard": 6006, "serving": 8501, "review": 8765}

_GIB = 2**30

# Gibibytes. A run on 400 photos has needed 1.8 of memory, and less than 1 of disk; weights of all
# backbones take 4.
_LEAST_MEMORY, _ENOUGH_MEMORY = 2, 4
_LEAST_DISK, _ENOUGH_DISK = 1, 5


def check_weight_cache(folder: Path) -> Check:
    """Tells whether ImageNet weights can be kept, and how many are."""
    shown = printable(str(folder))
    if not is_writable(folder):
        return Check(
            "Weights",
            WARN,
            f"{shown} cannot be written to, so weights can only be read from there; name another "
            "folder with --weights-cache.",
        )
    names = shortened_list(cached_weights(folder)) or "no backbone"
    return Check("Weights", PASS, f"{shown}, with those of {names}.")


def check_disk(output: Path) -> Check:
    """Tells whether a run can write, and how much."""
    shown = printable(str(output))
    if not is_writable(output):
        return Check(
            "Disk",
            FAIL,
            f"{shown} cannot be written to; name another folder with --output, or in a container "
            'run as its owner: --user "$(id -u):$(id -g)".',
        )
    free = shutil.disk_usage(_existing(output)).free / _GIB
    text = f"{free:.1f} GiB are free for {shown}"
    if free < _LEAST_DISK:
        return Check("Disk", FAIL, f"{text}, and a run needs {_LEAST_DISK} or more; make room.")
    if free < _ENOUGH_DISK:
        return Check("Disk", WARN, f"{text}; with thousands of photos a run may need more.")
    return Check("Disk", PASS, f"{text}.")


def check_memory(
    proc: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")
) -> Check:
    """Tells how much memory there is, in a container no more than that one may use.

    Args:
        proc: Linux' table of memory.
        cgroup: folder of the limits that the container has.
    """
    kilobytes = dict(
        re.findall(r"^(MemTotal|MemAvailable): +(\d+) kB$", proc.read_text(), re.MULTILINE)
    )
    total, free = (int(kilobytes[name]) * 1024 for name in ("MemTotal", "MemAvailable"))
    limit = _memory_limit(cgroup)
    usable = min(total, limit) if limit else total
    text = f"{usable / _GIB:.1f} GiB, {min(free, usable) / _GIB:.1f} of them free"
    if usable < _LEAST_MEMORY * _GIB:
        return Check("Memory", FAIL, f"{text}, and a run needs {_LEAST_MEMORY} or more.")
    if min(free, usable) < _ENOUGH_MEMORY * _GIB:
        return Check("Memory", WARN, f"{text}; with less than {_ENOUGH_MEMORY} a run may be ended.")
    return Check("Memory", PASS, f"{text}.")


def check_ports() -> Check:
    """Tells which of the usual ports are taken."""
    taken = [f"{port} ({name})" for name, port in PORTS.items() if why_taken(port)]
    if taken:
        return Check(
            "Ports", WARN, f"Taken: {', '.join(taken)}; end what listens, or name another port."
        )
    return Check("Ports", PASS, f"{', '.join(map(str, PORTS.values()))} are free.")


def why_taken(port: int, address: str = LOCAL) -> str:
    """Says why a port cannot be listened to; empty if it can."""
    with socket.socket() as server:
        # Connections that are closing do not count.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((address, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def check_port(port: int) -> None:
    """Checks that a port of this machine is free.

    Raises:
        ConfigError: if it is taken.
    """
    reason = why_taken(port)
    if reason:
        raise ConfigError(
            f"--port {port}: cannot listen on {LOCAL}:{port} ({reason}); name another, such as "
            f"--port {port % 65535 + 1}."
        )


def is_writable(folder: Path) -> bool:
    """Tells whether a folder can be written to, or made."""
    existing = _existing(folder)
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK, effective_ids=True)


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def _memory_limit(cgroup: Path) -> int:
    """Returns the bytes that the container may use; 0 without a limit."""
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        file = cgroup / name
        if file.is_file():
            text = file.read_text().strip()
            return int(text) if text.isdecimal() else 0
    return 0
