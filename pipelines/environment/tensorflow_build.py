"""What the installed TensorFlow was built for, read from its files without importing it."""

from __future__ import annotations

import runpy
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from pipelines.environment.checks import FAIL, PASS, WARN, Check
from pipelines.environment.locked_versions import installed_versions
from schemas.errors import first_line

_BUILD_INFO = "python/platform/build_info.py"


@dataclass(frozen=True)
class Build:
    """What TensorFlow was built for.

    Attributes:
        version: of TensorFlow; empty if it is not installed as a package.
        cuda: version of CUDA; empty without.
        cudnn: the same of cuDNN.
        capabilities: compute capabilities of GPUs that it has kernels for, such as 8.0.
    """

    version: str
    cuda: str = ""
    cudnn: str = ""
    capabilities: tuple[float, ...] = ()


def found_build() -> Build | str:
    """Returns the installed build, or in words why it cannot be told."""
    spec = find_spec("tensorflow")
    if not spec or not spec.submodule_search_locations:
        return "It is not installed"
    file = Path(spec.submodule_search_locations[0]) / _BUILD_INFO
    try:
        info: dict[str, Any] = runpy.run_path(str(file))["build_info"]
    except Exception as error:  # noqa: BLE001 (whatever is wrong with a broken installation)
        return f"{file} cannot be read ({first_line(error)})"
    installed = installed_versions().get("tensorflow", "")
    if not info.get("is_cuda_build"):
        return Build(installed)
    return Build(
        installed,
        cuda=str(info.get("cuda_version", "")),
        cudnn=str(info.get("cudnn_version", "")),
        capabilities=tuple(map(_capability, info.get("cuda_compute_capabilities", ()))),
    )


def check_build(build: Build | str) -> Check:
    """Says what TensorFlow was built for, and whether it is the version that was tested."""
    if isinstance(build, str):
        return Check(
            "TensorFlow", FAIL, f"{build}; run `make setup`, or use the image of TensorFlow."
        )
    suited = f"for CUDA {build.cuda} and cuDNN {build.cudnn}" if build.cuda else "without CUDA"
    found = f"{build.version or 'Of unknown version'}, built {suited}"
    wanted = _wanted()
    if wanted and build.version != wanted:
        return Check(
            "TensorFlow", WARN, f"{found}; warmstart was tested with {wanted}: run `make setup`."
        )
    return Check("TensorFlow", PASS, f"{found}.")


def _wanted() -> str:
    """Returns the version that warmstart asks for, or nothing if it is not installed itself."""
    try:
        lines = requires("warmstart") or []
    except PackageNotFoundError:
        return ""
    found = (Requirement(line) for line in lines)
    return next((str(one.specifier)[2:] for one in found if one.name == "tensorflow"), "")


def _capability(name: str) -> float:
    """Reads sm_89, or compute_90 for what newer ones than 9.0 compile when they start."""
    digits = name.rpartition("_")[2]
    return int(digits) / 10
