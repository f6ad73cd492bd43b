"""Runs the pipeline as far as Transform: one side of `benchmarks.data`."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

from pipelines.config import load_config
from pipelines.folders import prepare_output
from pipelines.local_runner import run
from pipelines.outcome import RUNNING, ComponentRun


class _TransformedError(Exception):
    """Ends the run where what is measured ends."""


def main() -> None:
    """Prints the seconds of each component as JSON."""
    data, output = sys.argv[1:]
    # Photos of a benchmark are changed copies of others.
    config = load_config(None, ["data.duplicates=exact", "split.strategy=stratified"])
    seconds: dict[str, float] = {}

    def listen(component: ComponentRun) -> None:
        seconds[component.id] = component.seconds
        if component.id == "Embedder" and component.state == RUNNING:
            raise _TransformedError

    with contextlib.suppress(_TransformedError):
        run(config, data=data, output=prepare_output(Path(output)), listener=listen)
    sys.stdout.write("\n" + json.dumps(seconds) + "\n")


if __name__ == "__main__":
    main()
