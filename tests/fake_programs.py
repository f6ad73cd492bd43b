"""Programs that stand in for Docker's and NVIDIA's: they record how they were called."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENGINE = {"ServerVersion": "28.2.2", "Runtimes": {"nvidia": {}, "runc": {}}}
GPU_0 = "0, GPU-aaaa-0, NVIDIA GeForce RTX 3060, 12288, 11800, 550.54.15, 8.6"
GPU_1 = "1, GPU-bbbb-1, NVIDIA GeForce RTX 3060, 12288, 12000, 550.54.15, 8.6"


@dataclass(frozen=True)
class FakePrograms:
    """A folder for PATH."""

    folder: Path

    def nvidia_smi(self, *gpus: str) -> None:
        """Puts a driver there that lists GPUs."""
        self.put("nvidia-smi", f"printf '%s\\n' {shlex.join(gpus)}")

    def docker(self, engine: dict[str, Any] | None = None, *, images: Sequence[str] = ()) -> None:
        """Puts a Docker there that knows images; whatever else it is asked, it only records."""
        (self.folder / "engine.json").write_text(json.dumps(engine or ENGINE), encoding="utf-8")
        known = "|".join(map(shlex.quote, images)) or "''"
        self.put(
            "docker",
            f"""case "$1" in
                info) cat {shlex.quote(str(self.folder / "engine.json"))} ;;
                image) case "$5" in {known}) echo sha256:1 ;; *) exit 1 ;; esac ;;
                *) printf '%s\\0' "$@" >{shlex.quote(str(self._called))}
                   printf 'token=%s\\n' "$JUPYTER_TOKEN" ;;
            esac""",
        )

    def put(self, name: str, text: str) -> None:
        """Puts a program there."""
        program = self.folder / name
        program.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        program.chmod(0o755)

    @property
    def called_with(self) -> list[str] | None:
        """The arguments of the last line that Docker was to run, if there was one."""
        if not self._called.exists():
            return None
        return self._called.read_text(encoding="utf-8").split("\0")[:-1]

    @property
    def _called(self) -> Path:
        return self.folder / "called"
