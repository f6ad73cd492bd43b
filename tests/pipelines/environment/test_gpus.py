"""Tests of the GPUs that a driver lists, and whether TensorFlow's CUDA can use them."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_programs import GPU_0, GPU_1, FakePrograms

from pipelines.environment.checks import FAIL, PASS, WARN
from pipelines.environment.gpus import Gpu, check_driver, check_gpus, find_gpus, parsed_gpus
from pipelines.environment.tensorflow_build import Build
from schemas.errors import ConfigError, MachineError

CUDA_12 = Build("2.21.0", "12.5.1", "9", (6.0, 7.0, 8.0, 8.9, 9.0))
WITHOUT_CUDA = Build("2.21.0")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePrograms:
    monkeypatch.setenv("PATH", str(tmp_path))
    return FakePrograms(tmp_path)


def gpu(driver: str = "550.54.15", capability: float = 8.6) -> Gpu:
    return Gpu(0, "GPU-a", "A GPU", 12288, 12000, driver, capability)


def test_gpus_are_read_from_the_drivers_list(programs: FakePrograms) -> None:
    programs.nvidia_smi(GPU_0, GPU_1)

    first, second = find_gpus()

    assert first == Gpu(0, "GPU-aaaa-0", "NVIDIA GeForce RTX 3060", 12288, 11800, "550.54.15", 8.6)
    assert (second.index, second.uuid) == (1, "GPU-bbbb-1")


def test_gpu_that_shares_the_machines_memory_is_listed(programs: FakePrograms) -> None:
    programs.nvidia_smi("0, GPU-c, NVIDIA GB10, [N/A], [N/A], 580.95.05, 12.1")

    (found,) = find_gpus()

    assert (found.memory, found.free, found.capability) == (0, 0, 12.1)


def test_gpus_are_listed_with_their_memory(programs: FakePrograms) -> None:
    programs.nvidia_smi(GPU_0, GPU_1)

    found = check_gpus(CUDA_12).check

    assert (found.verdict, found.text) == (
        PASS,
        "0: NVIDIA GeForce RTX 3060, 12,288 MiB (11,800 free); "
        "1: NVIDIA GeForce RTX 3060, 12,288 MiB (12,000 free).",
    )


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(("build", "verdict"), [(CUDA_12, WARN), (WITHOUT_CUDA, PASS)])
def test_machine_without_a_gpu_is_one_that_is_slow(build: Build, verdict: str) -> None:
    found = check_gpus(build)

    assert (found.found, found.check.verdict) == ((), verdict)
    assert found.check.text == "None; training runs on the CPU."


def test_driver_without_a_gpu_has_none(programs: FakePrograms) -> None:
    programs.put("nvidia-smi", "echo 'No devices were found'; exit 6")

    assert find_gpus() == []


def test_driver_that_does_not_answer_is_told(programs: FakePrograms) -> None:
    programs.put(
        "nvidia-smi",
        'echo "NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver."; '
        "echo more; exit 9",
    )
    told = (
        "NVIDIA's driver does not answer (NVIDIA-SMI has failed because it couldn't communicate "
        "with the NVIDIA driver); restart the machine, or install the driver anew."
    )

    with pytest.raises(MachineError) as error:
        find_gpus()
    found = check_gpus(CUDA_12).check

    assert str(error.value) == told
    assert (found.verdict, found.text) == (WARN, f"{told} Training runs on the CPU.")


@pytest.mark.parametrize(
    ("driver", "cuda", "verdict", "text"),
    [
        ("525.60.13", "12.5.1", PASS, "525.60.13 suits CUDA 12.5.1."),
        ("580.95.05", "12.5.1", PASS, "580.95.05 suits CUDA 12.5.1."),
        (
            *("525.60.12", "12.5.1", FAIL),
            "525.60.12 is too old for CUDA 12.5.1, which needs 525.60.13 or newer; update the "
            "driver.",
        ),
        (
            *("550.54.15", "13.0", FAIL),
            "550.54.15 is too old for CUDA 13.0, which needs 580 or newer; update the driver.",
        ),
        ("600.1", "14.0", WARN, "600.1; whether it suits CUDA 14.0 is not known."),
        ("550.54.15", "", WARN, "550.54.15; TensorFlow has no CUDA and uses no GPU."),
    ],
)
def test_driver_is_compared_with_cuda(driver: str, cuda: str, verdict: str, text: str) -> None:
    found = check_driver([gpu(driver)], Build("2.21.0", cuda, "9", CUDA_12.capabilities))

    assert (found.verdict, found.text) == (verdict, text)


def test_driver_is_not_needed_without_a_gpu() -> None:
    assert check_driver([], CUDA_12).verdict == PASS


@pytest.mark.parametrize(
    ("capability", "verdict", "text"),
    [
        (6.1, PASS, "550.54.15 suits CUDA 12.5.1."),
        (0.0, PASS, "550.54.15 suits CUDA 12.5.1."),
        (
            *(5.2, FAIL),
            "GPU 0 has compute capability 5.2, and TensorFlow needs 6.0 or newer; leave this GPU "
            "out.",
        ),
        (
            *(12.0, WARN),
            "GPU 0 has compute capability 12.0, newer than TensorFlow's kernels: they are "
            "compiled at the first use, which takes minutes, once.",
        ),
    ],
)
def test_gpu_is_compared_with_what_there_are_kernels_for(
    capability: float, verdict: str, text: str
) -> None:
    found = check_driver([gpu(capability=capability)], CUDA_12)

    assert (found.verdict, found.text) == (verdict, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("all", "all"), ("none", ""), ("0", "0"), ("0, 1", "0,1"), ("GPU-1a-2b", "GPU-1a-2b")],
)
def test_gpus_are_read(text: str, expected: str) -> None:
    assert parsed_gpus(text) == expected


@pytest.mark.parametrize("text", ["", "0,", "first", "0,0", "-1", "0;1"])
def test_gpus_that_are_none_are_told(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        parsed_gpus(text)

    assert str(error.value) == (
        f"--gpus {text}: name all, none, or each GPU once by its number or UUID, such as 0,1."
    )


def test_gpus_are_all_by_default(programs: FakePrograms) -> None:
    assert parsed_gpus(None) == ""
    programs.nvidia_smi(GPU_0)
    assert parsed_gpus(None) == "all"
