"""What a component takes of the machine: processor time and memory, of this process."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc/self")
# Sets the peak to what is used now (proc(5), clear_refs).
_RESET_PEAK = "5"
_PEAK = "VmHWM:"


@dataclass(frozen=True)
class ResourceUse:
    """What was used between two moments.

    Attributes:
        cpu_seconds: of all threads, and of child processes that ended meanwhile.
        peak_memory: bytes of this process, what was there before included; None where the kernel
            does not tell.
    """

    cpu_seconds: float
    peak_memory: int | None


class ResourceMeter:
    """Measures from when it is made."""

    def __init__(self) -> None:
        """Begins."""
        self._cpu = _cpu_seconds()
        self._resets = _reset_peak()

    def read(self) -> ResourceUse:
        """Returns what was used since."""
        return ResourceUse(_cpu_seconds() - self._cpu, _peak_memory() if self._resets else None)


def _cpu_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _reset_peak() -> bool:
    try:
        (_PROC / "clear_refs").write_text(_RESET_PEAK)
    except OSError:  # A container may have /proc read-only.
        return False
    return True


def _peak_memory() -> int | None:
    for line in (_PROC / "status").read_text().splitlines():
        if line.startswith(_PEAK):
            return int(line.split()[1]) * 1024
    return None
