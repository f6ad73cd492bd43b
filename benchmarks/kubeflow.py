"""Measures what Kubeflow adds: python -m benchmarks.kubeflow.

Compiling, beside importing TFX's own runner for Kubeflow, which has then compiled nothing. A step
as its container runs it, beside the same executor on the same artifacts without Kubeflow. A lookup,
beside importing TensorFlow. Each is a process of its own, in turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from tensorflow_metadata.proto.v0 import statistics_pb2

from benchmarks.process import run

_PYTHON = sys.executable
_STATISTICS = "tfx.types.standard_artifacts.ExampleStatistics"
_SCHEMA = "tfx.types.standard_artifacts.Schema"
_EXECUTOR = "components.schema_gen.executor.Executor"

# `benchmarks.process.run` reads JSON.
_DONE = "print('{}')"

_COMPILING = f"""
from pathlib import Path
from pipelines.config import load_config
from pipelines.kubeflow_runner import compile_pipeline, write_compiled
config = load_config(None, ["kubeflow.image=registry.example.org/worker:1"])
write_compiled(compile_pipeline(config), Path("TARGET"))
{_DONE}
"""

_TFX_RUNNER = f"import tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner\n{_DONE}"

# What it takes beyond imports is timed apart.
_STEP = """
import time
import components.schema_gen.executor, pipelines.kubeflow.execution
from pipelines.kubeflow_entrypoint import main
began = time.perf_counter()
assert main(ARGUMENTS) == 0
print(time.perf_counter() - began)
"""

_BARE_EXECUTOR = """
import time
from tfx.types import standard_artifacts
from components.schema_gen.executor import Executor
statistics, schema = standard_artifacts.ExampleStatistics(), standard_artifacts.Schema()
statistics.uri, schema.uri = "STATISTICS", "TARGET"
began = time.perf_counter()
Executor().Do({"statistics": [statistics]}, {"schema": [schema]}, {})
print(time.perf_counter() - began)
"""

_LOOKUP = f"""
from pipelines.kubeflow_entrypoint import main
assert main(ARGUMENTS) == 0
{_DONE}
"""

_TENSORFLOW = f"import tensorflow\n{_DONE}"


def main(argv: list[str] | None = None) -> None:
    """Runs each program some times in turns and prints the ratios of the medians, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each program, in turns")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        programs = _programs(Path(name))
        rounds = [
            {label: run([_PYTHON, "-c", code]) for label, code in programs.items()}
            for _ in range(args.rounds)
        ]
    seconds = {label: statistics.median(one[label].seconds for one in rounds) for label in programs}
    found = {
        "compiling, of importing TFX's runner": seconds["compiling"] / seconds["TFX's runner"],
        "a step, of its executor alone": seconds["step"] / seconds["executor"],
        "a lookup, of importing TensorFlow": seconds["lookup"] / seconds["TensorFlow"],
    }
    step, executor = (
        statistics.median(one[label].result for one in rounds) for label in ("step", "executor")
    )
    found["what is added to a step beyond imports, of importing TensorFlow"] = (
        step - executor
    ) / seconds["TensorFlow"]
    if args.json:
        result = {"ratios": found, "seconds": seconds, "added_to_a_step_s": step - executor}
        sys.stdout.write(json.dumps(result, indent=2) + "\n")
        return
    table = Table("time", "as a share")
    for label, ratio in found.items():
        table.add_row(label, f"{ratio:.2f}")
    Console().print(table)
    Console().print(f"Beyond imports, {step - executor:.2f} s are added to a step, here and now.")


def _programs(folder: Path) -> dict[str, str]:
    known = _write_statistics(folder / "statistics")
    interface = {"parameters": {}, "types": {"statistics": _STATISTICS, "schema": _SCHEMA}}
    step = _arguments(
        ("SchemaGen", _EXECUTOR, interface),
        {"artifacts": {"statistics": _artifact(known)}},
        {"artifacts": {"schema": _artifact(folder / "schema")}, "outputFile": str(folder / "told")},
    )
    lookup = _arguments(
        (
            "LatestPushedStatistics",
            "components.pushed_baselines.lookup.LatestPushedStatistics",
            {"parameters": {"models": "STRING"}, "types": {"current": _STATISTICS}},
        ),
        {
            "parameterValues": {"models": str(folder / "models")},
            "artifacts": {"current": _artifact(known)},
        },
        {"outputFile": str(folder / "told")},
    )
    return {
        "TFX's runner": _TFX_RUNNER,
        "compiling": _COMPILING.replace("TARGET", str(folder / "pipeline.yaml")),
        "executor": _BARE_EXECUTOR.replace("STATISTICS", str(known)).replace(
            "TARGET", str(folder / "bare")
        ),
        "step": _STEP.replace("ARGUMENTS", repr(step)),
        "TensorFlow": _TENSORFLOW,
        "lookup": _LOOKUP.replace("ARGUMENTS", repr(lookup)),
    }


def _arguments(
    step: tuple[str, str, Mapping[str, Any]], inputs: Mapping[str, Any], outputs: Mapping[str, Any]
) -> list[str]:
    name, executor, interface = step
    told = {"inputs": inputs, "outputs": outputs}
    return [
        *("--step", name, "--executor", executor),
        *("--interface", json.dumps(interface), "--executor_input", json.dumps(told)),
    ]


def _artifact(folder: Path) -> dict[str, Any]:
    return {"artifacts": [{"name": folder.name, "uri": str(folder)}]}


def _write_statistics(folder: Path) -> Path:
    """Writes statistics of two classes, as far as SchemaGen reads them."""
    found = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = found.datasets.add(num_examples=4)
    label = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
    label.path.step.append("label")
    for name in ("cat", "dog"):
        label.string_stats.rank_histogram.buckets.add(label=name, sample_count=2)
    (folder / "Split-train").mkdir(parents=True)
    (folder / "Split-train" / "FeatureStats.pb").write_bytes(found.SerializeToString())
    return folder


if __name__ == "__main__":
    main()
