"""How runs and artifacts are put into words, on a terminal as in a notebook."""

from __future__ import annotations

from collections.abc import Iterable

from review.files import is_missing
from review.lineage import Lineage, Relative
from review.records import Artifact, Execution, Run
from review.results import Metric, RunResults
from schemas import run_record

NOT_RECORDED = "not recorded"

RUN_HEADINGS = ("run", "started (UTC)", "state", "seconds", "executed", "cached", "accuracy", "")
# Columns of numbers.
RUN_NUMBERS = (3, 4, 5, 6)


def run_row(run: Run, results: RunResults) -> tuple[str, ...]:
    """Returns what a list says of a run, under `RUN_HEADINGS`."""
    return (
        run.name,
        f"{run.head.started:%Y-%m-%d %H:%M:%S}",
        run.state,
        f"{run.seconds:.1f}",
        str(run.count("executed")),
        str(run.count("cached")),
        _accuracy(results),
        _model(results),
    )


def run_sentence(run: Run) -> str:
    """Says what became of a run."""
    return (
        f"{run.state.capitalize()}, started {run.head.started:%Y-%m-%d %H:%M:%S} UTC, "
        f"{run.seconds:.1f} s in {len(run.executions)} components, "
        f"{run.count('cached')} of them cached"
    )


def run_facts(run: Run) -> list[tuple[str, str]]:
    """Returns what is recorded of a run as a whole, by name."""
    facts = (
        ("Data", run_record.DATA),
        ("Version", run_record.VERSION),
        ("Commit", run_record.COMMIT),
    )
    return [(name, str(run.head.record.get(key, NOT_RECORDED))) for name, key in facts]


def result_lines(results: RunResults) -> Iterable[str]:
    """Says what a run came to, a line for each metric, the blessing and the push."""
    photos = f" on {results.photos} photos" if results.photos else ""
    for name, metric in (results.metrics or {}).items():
        yield f"{name.replace('_', ' ').capitalize()} {metric_text(metric)}{photos}"
    if results.blessed is not None:
        reasons = "; ".join(results.reasons)
        yield "Blessed" if results.blessed else f"Not blessed: {reasons or NOT_RECORDED}"
    if results.pushed_to:
        yield f"Pushed to {results.pushed_to}{'' if results.is_there else ', gone since'}"


def metric_text(metric: Metric) -> str:
    """Writes a metric with its interval."""
    if not metric.interval:
        return f"{metric.value:.3f}"
    low, high = metric.interval
    return f"{metric.value:.3f} ({low:.3f} to {high:.3f})"


def artifact_state(artifact: Artifact, missing: bool) -> str:
    """Says what became of an artifact, and whether its files are gone."""
    return f"{artifact.state}, files missing" if missing else artifact.state


def artifact_text(artifact: Artifact, maker: Execution | None) -> str:
    """Says what an artifact is, and what made it."""
    origin = f", by {maker.node} in run {maker.run or NOT_RECORDED}" if maker else ""
    state = artifact_state(artifact, is_missing(artifact))
    return f"{artifact.type} {artifact.id} ({state}){origin}"


def lineage_trees(found: Lineage) -> list[tuple[str, list[str]]]:
    """Returns what an artifact was made from and used for: headings, and indented lines."""
    return [
        (heading, list(_tree(found.artifact.id, relatives, 1)) or ["  nothing that is recorded"])
        for heading, relatives in (("made from", found.ancestors), ("used for", found.descendants))
    ]


def _tree(parent: int, relatives: Iterable[Relative], depth: int) -> Iterable[str]:
    for relative in relatives:
        if relative.via == parent:
            yield "  " * depth + artifact_text(relative.artifact, relative.maker)
            yield from _tree(relative.artifact.id, relatives, depth + 1)


def _accuracy(results: RunResults) -> str:
    metric = (results.metrics or {}).get("accuracy")
    return f"{metric.value:.1%}" if metric else "-"


def _model(results: RunResults) -> str:
    if results.pushed_to:
        return "pushed" if results.is_there else "pushed, gone since"
    return {True: "blessed", False: "not blessed", None: "-"}[results.blessed]
