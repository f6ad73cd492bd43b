"""What is recorded of a run beside what TFX records, by `schemas.run_record`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from components.report_gen.git_commit import git_commit
from pipelines.config import WHERE_IT_RUNS, PipelineConfig, plain_yaml
from schemas import run_record


@dataclass(frozen=True)
class RunFacts:
    """What is recorded of a run as a whole.

    Attributes:
        configuration: resolved, as YAML.
        data: where the photos are.
    """

    configuration: str
    data: str

    @classmethod
    def of(cls, config: PipelineConfig, data: str) -> RunFacts:
        """Returns them, without what only says where a run takes place."""
        return cls(plain_yaml(config.resolved, without=WHERE_IT_RUNS), data)


def record_of_run(facts: RunFacts | None, nodes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Returns what is written on the context of a run.

    Args:
        facts: of the run, where they are known.
        nodes: ids of its components, in their order, each with those that it waits for.
    """
    record = {
        run_record.RECORD: str(run_record.RECORD_VERSION),
        run_record.NODES: json.dumps(dict(nodes)),
        run_record.VERSION: version("warmstart"),
        run_record.COMMIT: git_commit() or "",
    }
    if facts:
        record |= {run_record.CONFIGURATION: facts.configuration, run_record.DATA: facts.data}
    return {name: text for name, text in record.items() if text}


def executor_text(executor_spec: Any) -> str:
    """Returns class and settings of an executor, short enough to be read."""
    digest = hashlib.sha256(executor_spec.SerializeToString(deterministic=True)).hexdigest()
    return f"{class_path(executor_spec)} {digest[:16]}"


def class_path(executor_spec: Any) -> str:
    """Returns the executor's class; one of Beam has its own further down, a container has none."""
    spec = getattr(executor_spec, "python_executor_spec", executor_spec)
    return getattr(spec, "class_path", "")
