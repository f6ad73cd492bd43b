"""What the container of each step runs on Kubeflow Pipelines v2.

    python -m pipelines.kubeflow_entrypoint --step Trainer --executor … --executor_input …

Kubeflow's launcher hands over parameters and artifacts without TFX's types, with addresses such
as `minio://` that TensorFlow cannot read, and runs none of TFX's drivers. Here the executor that
the local runner runs gets what it gets there, and what it made is told to the launcher.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.lookup import Lookup
from pipelines.kubeflow.invocation import Invocation, parse
from pipelines.tracing import traced_step
from schemas.errors import WarmstartError

_log = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Runs a step; returns its exit code.

    Args:
        arguments: as `pipelines.kubeflow.spec` writes them, filled in by the launcher.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for package in ("components", "pipelines"):
        logging.getLogger(package).setLevel(logging.INFO)
    try:
        invocation = parse(arguments)
        with traced_step(invocation.step, invocation.run_id, _log.warning):
            _write(Path(invocation.output_file), _run(invocation))
    except WarmstartError as error:
        sys.stderr.write(f"Error: {error}\n")
        return error.exit_code
    return 0


def _run(invocation: Invocation) -> dict[str, Any]:
    module, _, name = invocation.executor.rpartition(".")
    executor = getattr(importlib.import_module(module), name)
    if issubclass(executor, Lookup):
        inputs = {name: artifact.path for name, (artifact,) in invocation.inputs.items()}
        return {"parameterValues": executor().look_up(invocation.parameters, inputs)}
    from pipelines.kubeflow.execution import run_executor  # noqa: PLC0415 (imports TensorFlow)

    return run_executor(executor, invocation)


def _write(file: Path, told: dict[str, Any]) -> None:
    """Writes the whole file or none: the launcher takes what is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text(json.dumps(told), encoding="utf-8")
    os.replace(partial, file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
