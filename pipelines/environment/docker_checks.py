"""What has to be there before Docker is asked for anything; each lack is one sentence."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from pipelines.environment.checks import FAIL
from pipelines.environment.gpus import check_driver, find_gpus, named_gpu
from pipelines.environment.resources import is_writable
from pipelines.environment.tensorflow_build import found_build
from schemas.errors import ConfigError, MachineError, printable
from schemas.tokens import check_token, new_token

_SECONDS = 30


def parsed_token(text: str | None) -> str:
    """Reads `--token`; makes one up if it is left out.

    Raises:
        ConfigError: if it holds what an address or a shell would read otherwise.
    """
    check_token(text)
    return text or new_token()


def check_engine() -> None:
    """Checks that Docker can be used.

    Raises:
        MachineError: if it cannot.
    """
    _engine()


def check_image(image: str) -> None:
    """Checks that an image is on this machine.

    Raises:
        MachineError: if it is not, or Docker cannot be used.
    """
    if _asked("image", "inspect", "--format", "{{.Id}}", image).returncode:
        raise MachineError(
            f"--image {printable(image)}: Docker has no such image on this machine; build it "
            "first, with `warmstart docker build`."
        )


def check_gpus(chosen: str) -> None:
    """Checks that GPUs are there, and that containers can use them.

    Args:
        chosen: as `parsed_gpus` returns them.

    Raises:
        ConfigError: if one of them does not exist.
        MachineError: if driver or NVIDIA Container Toolkit are missing or too old.
    """
    if not chosen:
        return
    gpus = find_gpus()
    if not gpus:
        raise MachineError(
            f"--gpus {chosen}: this machine has no GPU of NVIDIA, or no driver for it (no "
            "nvidia-smi); install the driver, or use --gpus none."
        )
    used = gpus if chosen == "all" else [named_gpu(name, gpus) for name in chosen.split(",")]
    driver = check_driver(used, found_build())
    if driver.verdict == FAIL:
        raise MachineError(f"--gpus {chosen}: {driver.text}")
    if not _has_toolkit(_engine()):
        raise MachineError(
            f"--gpus {chosen}: Docker cannot hand GPUs to containers, as the NVIDIA Container "
            "Toolkit is missing; install nvidia-container-toolkit, run `nvidia-ctk runtime "
            "configure --runtime=docker`, restart Docker, or use --gpus none."
        )


def prepare_folder(option: str, folder: Path) -> None:
    """Makes a folder that is to be mounted: Docker itself would make it as root's.

    Args:
        option: that names it.
        folder: the same.

    Raises:
        ConfigError: if it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reason = "" if is_writable(folder) else "Permission denied"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise ConfigError(
            f"{option} {printable(str(folder))}: cannot write there ({reason}), and neither could "
            "the container; name a folder of yours."
        )


def _engine() -> dict[str, Any]:
    """Returns what Docker tells of itself."""
    done = _asked("info", "--format", "{{json .}}")
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        found = {}
    problems = found.get("ServerErrors") or []
    if done.returncode or problems or not found.get("ServerVersion"):
        said = problems or done.stderr.strip().splitlines() or ["it said nothing"]
        reason = str(said[0]).split("\n", 1)[0].removeprefix("ERROR: ").rstrip(".?")
        raise MachineError(
            f"Docker's engine cannot be used ({printable(reason)}); start it, and see that you "
            "may use it (group docker)."
        )
    return found


def _asked(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("docker")
    if not program:
        raise MachineError(
            "Docker is not installed (there is no program docker on PATH); install Docker Engine, "
            "or show the line with --print and run it where Docker is."
        )
    try:
        return subprocess.run(  # noqa: S603 (our arguments, and no shell)
            [program, *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise MachineError(
            f"Docker's engine did not answer within {_SECONDS} s; restart it."
        ) from error


def _has_toolkit(engine: dict[str, Any]) -> bool:
    """Tells whether containers can get GPUs: by a runtime, a hook, or devices of CDI."""
    devices = engine.get("DiscoveredDevices") or []
    return (
        "nvidia" in (engine.get("Runtimes") or {})
        or any(str(device.get("ID", "")).startswith("nvidia.com/gpu") for device in devices)
        or shutil.which("nvidia-container-runtime-hook") is not None
    )
