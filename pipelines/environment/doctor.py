"""Looks at everything that a run needs of a machine, in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipelines.environment.checks import Check
from pipelines.environment.gpus import check_driver, check_gpus
from pipelines.environment.interpreter import check_glibc, check_python
from pipelines.environment.locked_versions import check_versions
from pipelines.environment.resources import (
    check_disk,
    check_memory,
    check_ports,
    check_weight_cache,
)
from pipelines.environment.stored import check_store
from pipelines.environment.tensorflow_build import check_build, found_build
from pipelines.environment.tensorflow_import import importing
from pipelines.folders import OutputFolders


def examine(output: Path, weights: Path) -> Iterator[Check]:
    """Looks at one thing after the other, at TensorFlow meanwhile.

    Args:
        output: where a run would write to; it need not exist.
        weights: the weight cache; the same.

    Yields:
        What was found of each, as soon as it is.
    """
    # It takes longer than all the rest, and goes on beside it.
    with importing() as tensorflow:
        yield check_python()
        yield check_glibc()
        build = found_build()
        yield check_build(build)
        yield check_versions()
        gpus = check_gpus(build)
        yield gpus.check
        yield check_driver(gpus.found, build)
        yield check_weight_cache(weights)
        yield check_disk(output)
        yield check_store(OutputFolders(output).metadata)
        yield check_memory()
        yield check_ports()
        yield tensorflow.check(len(gpus.found))
