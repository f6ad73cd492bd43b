"""NVIDIA's GPUs, as their driver lists them, and whether TensorFlow can use them."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.environment.checks import FAIL, PASS, WARN, Check
from pipelines.environment.tensorflow_build import Build
from schemas.errors import ConfigError, MachineError, printable

_QUERY = "index,uuid,name,memory.total,memory.free,driver_version,compute_cap"
_SECONDS = 10

_ID = re.compile(r"\d+|GPU-[0-9A-Za-z-]+")

# The oldest driver for each major version of CUDA, as its release notes say on minor version
# compatibility.
_OLDEST_DRIVERS = {11: (450, 80, 2), 12: (525, 60, 13), 13: (580,)}


@dataclass(frozen=True)
class Gpu:
    """A GPU.

    Attributes:
        index: by which Docker and CUDA name it, from 0.
        uuid: by which they name it, too.
        name: of the model.
        memory: MiB in all.
        free: MiB.
        driver: version of the driver.
        capability: compute capability, such as 8.6; 0 if the driver does not tell.
    """

    index: int
    uuid: str
    name: str
    memory: int
    free: int
    driver: str
    capability: float


@dataclass(frozen=True)
class GpusFound:
    """The GPUs, and what is to be said of them."""

    found: Sequence[Gpu]
    check: Check


def find_gpus() -> list[Gpu]:
    """Returns the GPUs; none if the machine has no driver of NVIDIA.

    Raises:
        MachineError: if there is a driver that does not answer.
    """
    program = shutil.which("nvidia-smi")
    if not program:
        return []
    command = [program, f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(  # noqa: S603 (our arguments, and no shell)
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MachineError(
            f"NVIDIA's driver does not answer ({type(error).__name__} from nvidia-smi); restart "
            "the machine, or install the driver anew."
        ) from error
    if done.returncode:
        # Where there is a driver but no GPU, that is what it says.
        if "No devices were found" in done.stdout:
            return []
        said = (done.stdout + done.stderr).strip().split("\n", 1)[0].rstrip(".")
        raise MachineError(
            f"NVIDIA's driver does not answer ({printable(said)}); restart the machine, or "
            "install the driver anew."
        )
    return [_gpu(row) for row in csv.reader(done.stdout.splitlines(), skipinitialspace=True) if row]


def parsed_gpus(text: str | None) -> str:
    """Reads `--gpus`.

    Args:
        text: `all`, `none`, or indices or UUIDs with commas between them; by default all that
            there are.

    Returns:
        The same, without spaces; empty for none.

    Raises:
        ConfigError: if it is none of these.
        MachineError: if NVIDIA's driver does not answer.
    """
    if text is None:
        return "all" if find_gpus() else ""
    if text in {"all", "none"}:
        return text.replace("none", "")
    ids = [part.strip() for part in text.split(",")]
    if not all(map(_ID.fullmatch, ids)) or len(set(ids)) < len(ids):
        raise ConfigError(
            f"--gpus {printable(text)}: name all, none, or each GPU once by its number or UUID, "
            "such as 0,1."
        )
    return ",".join(ids)


def named_gpu(name: str, gpus: Sequence[Gpu]) -> Gpu:
    """Finds a GPU that `--gpus` names.

    Raises:
        ConfigError: if it does not exist.
    """
    for gpu in gpus:
        if name in {str(gpu.index), gpu.uuid}:
            return gpu
    there = ", ".join(str(gpu.index) for gpu in gpus) or "none"
    raise ConfigError(f"--gpus {name}: there is no such GPU; this machine has {there}.")


def check_gpus(build: Build | str) -> GpusFound:
    """Lists the GPUs with their memory.

    Args:
        build: of TensorFlow, which may be one without CUDA.
    """
    try:
        gpus = find_gpus()
    except MachineError as error:
        return GpusFound((), Check("GPUs", WARN, f"{error} Training runs on the CPU."))
    if not gpus:
        without = isinstance(build, Build) and not build.cuda
        verdict = PASS if without else WARN
        return GpusFound((), Check("GPUs", verdict, "None; training runs on the CPU."))
    listed = "; ".join(
        f"{gpu.index}: {printable(gpu.name)}, {gpu.memory:,} MiB ({gpu.free:,} free)"
        for gpu in gpus
    )
    return GpusFound(gpus, Check("GPUs", PASS, f"{listed}."))


def check_driver(gpus: Sequence[Gpu], build: Build | str) -> Check:
    """Tells whether driver and GPUs are what TensorFlow's CUDA can work with."""
    if not gpus:
        return Check("Driver", PASS, "Not needed without a GPU.")
    driver = gpus[0].driver
    if isinstance(build, str) or not build.cuda:
        return Check("Driver", WARN, f"{driver}; TensorFlow has no CUDA and uses no GPU.")
    wanted = _OLDEST_DRIVERS.get(_numbers(build.cuda)[0])
    if not wanted:
        return Check("Driver", WARN, f"{driver}; whether it suits CUDA {build.cuda} is not known.")
    if _numbers(driver) < wanted:
        oldest = ".".join(map(str, wanted))
        return Check(
            "Driver",
            FAIL,
            f"{driver} is too old for CUDA {build.cuda}, which needs {oldest} or newer; update "
            "the driver.",
        )
    return _unsuited(gpus, build) or Check("Driver", PASS, f"{driver} suits CUDA {build.cuda}.")


def _unsuited(gpus: Sequence[Gpu], build: Build) -> Check | None:
    """Says which GPU TensorFlow was not built for."""
    for gpu in gpus:
        named = f"GPU {gpu.index} has compute capability {gpu.capability:.1f}"
        if not gpu.capability or not build.capabilities:
            continue
        if gpu.capability < min(build.capabilities):
            return Check(
                "Driver",
                FAIL,
                f"{named}, and TensorFlow needs {min(build.capabilities):.1f} or newer; leave "
                "this GPU out.",
            )
        if int(gpu.capability) > int(max(build.capabilities)):
            return Check(
                "Driver",
                WARN,
                f"{named}, newer than TensorFlow's kernels: they are compiled at the first use, "
                "which takes minutes, once.",
            )
    return None


def _gpu(row: list[str]) -> Gpu:
    index, uuid, name, memory, free, driver, capability = row
    return Gpu(
        index=int(index),
        uuid=uuid,
        name=name,
        memory=_megabytes(memory),
        free=_megabytes(free),
        driver=driver,
        capability=float(capability) if re.fullmatch(r"\d+\.\d+", capability) else 0.0,
    )


def _megabytes(text: str) -> int:
    """Reads a number; some GPUs share the machine's memory, and say [N/A]."""
    return int(text) if text.isdecimal() else 0


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
