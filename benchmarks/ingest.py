"""Runs the pipeline as far as Transform: one side of `benchmarks.data`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tfx.orchestration.pipeline import Pipeline

from pipelines.config import load_config
from pipelines.folders import prepare_output
from pipelines.image_pipeline import create_pipeline
from pipelines.local_runner import ReportingDagRunner
from pipelines.outcome import ComponentRun


def main() -> None:
    """Prints the seconds of each component as JSON."""
    data, output = sys.argv[1:]
    # Photos of a benchmark are changed copies of others.
    config = load_config(None, ["data.duplicates=exact", "split.strategy=stratified"])
    whole = create_pipeline(config, data=data, output=prepare_output(Path(output)))
    names = [component.id for component in whole.components]
    first = Pipeline(
        pipeline_name=config.name,
        pipeline_root=whole.pipeline_info.pipeline_root,
        metadata_connection_config=whole.metadata_connection_config,
        components=whole.components[: names.index("Transform") + 1],
        beam_pipeline_args=whole.beam_pipeline_args,
    )
    seconds: dict[str, float] = {}

    def listen(component: ComponentRun) -> None:
        seconds[component.id] = component.seconds

    ReportingDagRunner(listener=listen).run(first)
    sys.stdout.write("\n" + json.dumps(seconds) + "\n")


if __name__ == "__main__":
    main()
