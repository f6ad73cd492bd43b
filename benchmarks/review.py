"""Measures reading ML Metadata: python -m benchmarks.review.

A store with many runs is made with plain calls of ML Metadata, with as much in it as TFX and our
record write: twelve components a run, each with its properties, an input and an output. Then
commands are run on it as whole processes, beside importing ML Metadata alone, and the page is asked
for what it shows again and again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from rich.console import Console

from benchmarks.page import PageMeasured, measure_page
from benchmarks.process import Measured, run
from pipelines.config import PipelineConfig, plain_yaml
from schemas import run_record

_COMPONENTS = 12

# About what a component of ours has: some with one property, the Trainer with a page of JSON.
_PROPERTIES = {f"property_{number}": "x" * 60 for number in range(8)}


def main(argv: list[str] | None = None) -> None:
    """Makes the store, runs the commands and prints what they took, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="number of them")
    parser.add_argument("--rounds", type=int, default=3, help="of each command, in turns")
    parser.add_argument("--page-rounds", type=int, default=5, help="of each page, in turns")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        output = Path(name)
        make_store(output / "metadata.sqlite", args.runs)
        commands = _commands(output, args.runs)
        rounds = [
            {label: run(command) for label, command in commands.items()} for _ in range(args.rounds)
        ]
        page = measure_page(output, args.page_rounds)
    found = {label: _median([measured[label] for measured in rounds]) for label in commands}
    if args.json:
        sys.stdout.write(
            json.dumps({"runs": args.runs, "commands": found, "page": asdict(page)}, indent=2)
            + "\n"
        )
    else:
        _print(args.runs, found, page)


def make_store(file: Path, runs: int) -> None:
    """Writes a store of finished runs, each with other artifacts."""
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(file)
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    store = MetadataStore(config)
    types = _Types(store)
    (pipeline,) = store.put_contexts([mlmd.Context(type_id=types.pipeline, name="warmstart")])
    nodes = store.put_contexts(
        mlmd.Context(type_id=types.node, name=f"warmstart.Component{number}")
        for number in range(_COMPONENTS)
    )
    for number in range(runs):
        _put_run(store, types, number, [pipeline, *nodes])


class _Types:
    """The ids of all types."""

    def __init__(self, store: MetadataStore) -> None:
        def context(name: str) -> Any:
            return store.put_context_type(mlmd.ContextType(name=name))

        self.pipeline = context("pipeline")
        self.run = context("pipeline_run")
        self.node = context("node")
        self.cache = context("execution_cache")
        self.executions = [
            store.put_execution_type(mlmd.ExecutionType(name=f"components.Component{number}"))
            for number in range(_COMPONENTS)
        ]
        self.artifacts = [
            store.put_artifact_type(mlmd.ArtifactType(name=f"Artifact{number}"))
            for number in range(_COMPONENTS)
        ]


def _put_run(store: MetadataStore, types: _Types, number: int, shared: list[int]) -> None:
    name = f"20260101T000000.{number:06}Z"
    context = mlmd.Context(type_id=types.run, name=name)
    context.custom_properties[run_record.CONFIGURATION].string_value = plain_yaml(PipelineConfig())
    (of_run,) = store.put_contexts([context])
    of_cache = store.put_contexts(
        mlmd.Context(type_id=types.cache, name=f"{number:032}{place:032}")
        for place in range(_COMPONENTS)
    )
    executions, artifacts, _ = store.put_lineage_subgraph(
        [_execution(kind, f"{name} {place}") for place, kind in enumerate(types.executions)],
        [
            _artifact(kind, f"/artifacts/{place}/{number}")
            for place, kind in enumerate(types.artifacts)
        ],
        [],
        _events(),
    )
    pipeline, *nodes = shared
    store.put_attributions_and_associations(
        [mlmd.Attribution(context_id=of_run, artifact_id=one) for one in artifacts],
        [
            mlmd.Association(context_id=one, execution_id=execution)
            for execution, node, cache in zip(executions, nodes, of_cache, strict=True)
            for one in (pipeline, of_run, node, cache)
        ],
    )


def _execution(kind: int, name: str) -> Any:
    execution = mlmd.Execution(type_id=kind, name=name, last_known_state=mlmd.Execution.COMPLETE)
    for key, text in _PROPERTIES.items():
        execution.custom_properties[key].string_value = text
    execution.custom_properties[run_record.SECONDS].double_value = 1.0
    return execution


def _artifact(kind: int, uri: str) -> Any:
    artifact = mlmd.Artifact(type_id=kind, uri=uri, state=mlmd.Artifact.LIVE)
    artifact.custom_properties["tfx_version"].string_value = "1.21.0"
    return artifact


def _events() -> list[tuple[int, int, Any]]:
    """Returns a chain: each component uses what the one before it made."""
    events = []
    for place in range(_COMPONENTS):
        events.append((place, place, _event("output", mlmd.Event.OUTPUT)))
        if place:
            events.append((place, place - 1, _event("input", mlmd.Event.INPUT)))
    return events


def _event(name: str, kind: Any) -> Any:
    event = mlmd.Event(type=kind)
    event.path.steps.add().key = name
    event.path.steps.add().index = 0
    return event


def _commands(output: Path, runs: int) -> dict[str, list[str]]:
    warmstart = [sys.executable, "-c", "from cli.main import main; main()"]
    place = ["--json", "--output", str(output)]
    return {
        "import ml_metadata": [sys.executable, "-c", "import ml_metadata; print('{}')"],
        "runs list": [*warmstart, "runs", "list", *place],
        f"runs list --limit {runs}": [*warmstart, "runs", "list", "--limit", str(runs), *place],
        "runs show latest": [*warmstart, "runs", "show", "latest", *place],
        "gc": [*warmstart, "gc", *place],
    }


def _median(rounds: list[Measured]) -> dict[str, float]:
    return {
        "seconds": statistics.median(measured.seconds for measured in rounds),
        "peak_gb": max(measured.peak_gb for measured in rounds),
    }


def _print(runs: int, found: dict[str, dict[str, float]], page: PageMeasured) -> None:
    console = Console()
    console.print(f"{runs} runs of {_COMPONENTS} components, whole processes")
    for label, measured in found.items():
        console.print(f"  {label}: {measured['seconds']:.2f} s, {measured['peak_gb']:.2f} GB")
    console.print("the page, each part asked for again and again")
    console.print(f"  first page from the start of the process: {page.first_seconds:.2f} s")
    for label, seconds in page.seconds.items():
        console.print(f"  {label}: {1000 * seconds:.0f} ms")
    console.print(
        f"  median {1000 * page.median_seconds:.0f} ms, slowest {page.slowest_seconds:.2f} s, "
        f"{page.peak_gb:.2f} GB"
    )


if __name__ == "__main__":
    main()
