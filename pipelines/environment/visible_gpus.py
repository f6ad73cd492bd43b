"""Lets this process, and those that it starts, see the GPUs that a run was told to take.

CUDA reads two variables when TensorFlow first looks for GPUs: one names those it may see, the other
has it count as nvidia-smi does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from pipelines.environment.gpus import Gpu, find_gpus, named_gpu, parsed_gpus
from schemas.errors import ConfigError, printable

VISIBLE_VARIABLE = "CUDA_VISIBLE_DEVICES"
ORDER_VARIABLE = "CUDA_DEVICE_ORDER"

_NONE = "-1"


def setting_of(option: str) -> str:
    """Returns what `--gpus` says, as `--set` takes it.

    Args:
        option: `all`, `none`, or numbers or UUIDs with commas between them.

    Raises:
        ConfigError: if it is none of these, or a UUID of no GPU.
        MachineError: if NVIDIA's driver does not answer.
    """
    chosen = parsed_gpus(option)
    if chosen in {"", "all"}:
        return f"gpus={chosen or 'none'}"
    numbers = [
        name if name.isdecimal() else str(named_gpu(name, find_gpus()).index)
        for name in chosen.split(",")
    ]
    return f"gpus=[{', '.join(numbers)}]"


def show_gpus(chosen: str | Sequence[int]) -> None:
    """Hides all other GPUs; to be called before TensorFlow looks for some.

    CUDA_VISIBLE_DEVICES of whoever started the process is a limit: a scheduler, or the owner of a
    shared machine, has given these GPUs and no others. `all` are all of those.

    Args:
        chosen: `all`, `none`, or numbers as nvidia-smi counts.

    Raises:
        ConfigError: if one of them does not exist, or is not to be seen.
        MachineError: if NVIDIA's driver does not answer.
    """
    if chosen == "all":
        return
    if chosen == "none":
        os.environ[VISIBLE_VARIABLE] = _NONE
        return
    gpus = find_gpus()
    setting = f"gpus = {[*chosen]}"
    if not gpus:
        raise ConfigError(
            f"{setting}: this machine has no GPU of NVIDIA, or no driver for it (no nvidia-smi); "
            "install the driver, or set gpus to all or none."
        )
    there = [gpu.index for gpu in gpus]
    for number in chosen:
        if number not in there:
            raise ConfigError(
                f"{setting}: there is no GPU {number}; this machine has "
                f"{', '.join(map(str, there))}."
            )
    limit = os.environ.get(VISIBLE_VARIABLE)
    seen = there if limit is None else [gpu.index for gpu in _named(limit, gpus)]
    for number in chosen:
        if number not in seen:
            raise ConfigError(
                f"{setting}: {VISIBLE_VARIABLE} = {printable(str(limit))} in the environment hides "
                f"GPU {number}; choose one that it shows, or unset it if all are yours."
            )
    os.environ[VISIBLE_VARIABLE] = ",".join(map(str, chosen))
    os.environ[ORDER_VARIABLE] = "PCI_BUS_ID"


def _named(limit: str, gpus: Sequence[Gpu]) -> Iterator[Gpu]:
    """Yields what a value of CUDA_VISIBLE_DEVICES names; CUDA reads up to what is no GPU."""
    for name in map(str.strip, limit.split(",")):
        found = [
            gpu
            for gpu in gpus
            if name == str(gpu.index) or (name.startswith("GPU-") and gpu.uuid.startswith(name))
        ]
        if len(found) != 1:
            return
        yield from found
