"""What a comparison ran on: a ratio holds for its machine and versions."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pipelines.environment.gpus import find_gpus

_PACKAGES = ("tensorflow", "tfx")


@dataclass(frozen=True)
class Machine:
    """A machine, and the versions on it.

    Attributes:
        processor: as its maker calls it.
        cores: that this process may use.
        memory_gb: in all.
        gpus: names of NVIDIA's.
        packages: versions of TensorFlow and TFX.
    """

    processor: str
    cores: int
    memory_gb: float
    gpus: list[str]
    packages: dict[str, str]

    def __str__(self) -> str:
        """Returns all of it in a line."""
        packages = (f"{name} {number}" for name, number in self.packages.items())
        return ", ".join(
            [
                self.processor,
                f"{self.cores} core{'' if self.cores == 1 else 's'}",
                f"{self.memory_gb:.0f} GB of memory",
                " and ".join(self.gpus) or "no GPU",
                *packages,
            ]
        )


def this_machine(proc: Path = Path("/proc")) -> Machine:
    """Describes the machine that this runs on.

    Args:
        proc: Linux' folder of what the kernel knows.
    """
    model = re.search(r"^model name\s*: (.+)$", (proc / "cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal: +(\d+) kB$", (proc / "meminfo").read_text(), re.MULTILINE)
    return Machine(
        processor=model[1].strip() if model else "unnamed processor",
        cores=len(os.sched_getaffinity(0)),
        memory_gb=int(memory[1]) * 1024 / 1e9 if memory else 0.0,
        gpus=[gpu.name for gpu in find_gpus()],
        packages={name: version(name) for name in _PACKAGES},
    )
