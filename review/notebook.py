"""Shows runs in a notebook: `show_run()` as the last line of a cell, for example.

Each function returns an object that Jupyter shows as HTML and a terminal as text. Where there is
nothing to show, the error says in one sentence what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ml_metadata import MetadataStore

from review.choosing import LATEST, chosen_run
from review.graph import graph_of
from review.history import History
from review.lineage import lineage_of
from review.notebook_view import Page, Table, View
from review.records import NOT_REACHED
from review.results import results_of
from review.run_report import report_of
from review.store import no_run, opened
from review.why import explain
from review.wording import (
    NOT_RECORDED,
    RUN_HEADINGS,
    RUN_NUMBERS,
    artifact_text,
    lineage_trees,
    result_lines,
    run_facts,
    run_row,
    run_sentence,
)
from schemas import run_record
from schemas.errors import PipelineError, printable, shortened_list
from schemas.output_folders import DEFAULT_OUTPUT, OutputFolders


def show_run(output: str | Path = DEFAULT_OUTPUT, run: str = LATEST) -> View:
    """Shows what became of each component of a run and why, and how good the model is.

    Args:
        output: the folder that the pipeline wrote to.
        run: its id, the beginning or the end of it, `latest`, `latest-blessed` or `latest-pushed`.

    Raises:
        WarmstartError: if there is none like this, or the store cannot be read.
    """
    with _reading(output) as (folders, _, history):
        found = chosen_run(history, run, folders)
        (results,) = results_of(history, [found])
        why = explain(history, found)
    rows = [
        (
            one.node,
            one.state,
            "" if one.seconds is None else f"{one.seconds:.1f}",
            f"{why[one.node].sentence} {one.record.get(run_record.ERROR, '')}".strip(),
        )
        for one in found.executions
    ]
    rows += [(node, NOT_REACHED, "", "") for node in found.unreached]
    return View(
        f"Run {found.name} of pipeline {found.pipeline or NOT_RECORDED}",
        [
            run_sentence(found),
            *(f"{name}: {value}" for name, value in run_facts(found)),
            *result_lines(results),
        ],
        Table(("component", "state", "seconds", "why"), rows, numbers=(2,)),
    )


def show_graph(output: str | Path = DEFAULT_OUTPUT, run: str = LATEST) -> Page:
    """Shows the components of a run, what became of each, and what they hand on.

    Args:
        output: the folder that the pipeline wrote to.
        run: as `show_run` takes it.

    Raises:
        WarmstartError: if there is none like this, or the store cannot be read.
    """
    # Templates take a while to import, and nothing else here needs them.
    from review.page.rendering import render, style  # noqa: PLC0415

    with _reading(output) as (folders, _, history):
        found = chosen_run(history, run, folders)
        why = explain(history, found)
    graph = graph_of(found)
    heading = f"Graph of run {found.name}"
    shown = {"heading": heading, "graph": graph, "why": why, "style": style()}
    states = [f"  {node.name} ({node.state})" for node in graph.nodes]
    arrows = [f"  {above} → {below}" for above, below in graph.layout.curves]
    text = "\n".join(["components", *states, "what they hand on", *arrows])
    # With room for the line below it.
    height = round(graph.layout.height) + 90
    return Page(heading, text, render("notebook_graph.html", shown).decode(), height)


def show_history(output: str | Path = DEFAULT_OUTPUT, limit: int = 20) -> View:
    """Shows the newest runs, one line each.

    Args:
        output: the folder that the pipeline wrote to.
        limit: how many runs, at most.

    Raises:
        WarmstartError: if there is none, or the store cannot be read.
    """
    with _reading(output) as (folders, _, history):
        heads = history.runs()
        if not heads:
            raise no_run(folders)
        runs = history.read(heads[:limit])
        results = results_of(history, runs)
    hidden = len(heads) - len(runs)
    return View(
        "Runs",
        [str(folders.root)],
        Table(
            RUN_HEADINGS, [run_row(*pair) for pair in zip(runs, results, strict=True)], RUN_NUMBERS
        ),
        note=f"and {hidden} more; limit={len(heads)} shows all" if hidden > 0 else "",
    )


def show_lineage(artifact_id: int, output: str | Path = DEFAULT_OUTPUT, *, depth: int = 3) -> View:
    """Shows what an artifact was made from, and what was made from it.

    Args:
        artifact_id: its id, as `warmstart artifacts list` shows it.
        output: the folder that the pipeline wrote to.
        depth: components that are passed in each direction, at most.

    Raises:
        WarmstartError: if there is none, or the store cannot be read.
    """
    with _reading(output) as (_, store, history):
        found = lineage_of(store, history, artifact_id, depth)
    lines = [f"in runs {shortened_list(found.used_in)}"] if len(found.used_in) > 1 else []
    for heading, tree in lineage_trees(found):
        lines += [heading, *tree]
    return View(artifact_text(found.artifact, found.maker), lines)


def show_report(output: str | Path = DEFAULT_OUTPUT, run: str = LATEST) -> Page:
    """Shows the report of a run, as it lies in its folder or else as ReportGen left it.

    Args:
        output: the folder that the pipeline wrote to.
        run: as `show_run` takes it.

    Raises:
        WarmstartError: if there is no such run, or it has no report.
    """
    with _reading(output) as (folders, _, history):
        found = chosen_run(history, run, folders)
        report = report_of(folders, history, found)
    if report is None:
        raise PipelineError(
            f"Run {printable(found.name)} has no report below {folders.root}: it did not come to "
            "ReportGen, or the report was removed; `show_history` tells which runs succeeded."
        )
    return Page(f"Report of run {found.name}", report.place, report.html)


@contextmanager
def _reading(output: str | Path) -> Iterator[tuple[OutputFolders, MetadataStore, History]]:
    folders = OutputFolders(Path(output).resolve())
    with opened(folders) as store:
        yield folders, store, History(store, folders.root)
