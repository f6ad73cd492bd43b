"""What is recorded of a step beside what its component says, on each artifact that it made.

The names are those of `schemas.run_record`. On Kubeflow they may stand on artifacts: its cache
knows those by their ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tfx
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.types.standard_artifacts import Examples

from components.report_gen.git_commit import git_commit
from pipelines.code_that_ran import code_that_ran
from pipelines.content_digest import content_digest, examples_digest
from pipelines.resource_use import ResourceUse
from schemas import run_record


def facts_of(
    executor: str, properties: Mapping[str, Any], seconds: float, used: ResourceUse
) -> dict[str, Any]:
    """Returns what is the same for all artifacts of a step.

    Args:
        executor: the class that ran.
        properties: that it ran with.
        seconds: of wall time that it took.
        used: of processor and memory.
    """
    found = {
        run_record.VERSION: version("warmstart"),
        run_record.COMMIT: git_commit(),
        run_record.CODE: code_that_ran(properties, executor),
        run_record.EXECUTOR: executor,
        run_record.SECONDS: round(seconds, 3),
        run_record.CPU_SECONDS: round(used.cpu_seconds, 3),
        run_record.PEAK_MEMORY: used.peak_memory,
        artifact_utils.ARTIFACT_TFX_VERSION_CUSTOM_PROPERTY_KEY: tfx.__version__,
    }
    return {name: value for name, value in found.items() if value is not None}


def digest_of(artifact: Artifact) -> dict[str, str]:
    """Returns the digest of what lies in an artifact, if anything."""
    digested = examples_digest if isinstance(artifact, Examples) else content_digest
    digest = digested(Path(artifact.uri))
    return {run_record.OUTPUTS: digest} if digest else {}
