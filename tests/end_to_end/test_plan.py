"""Tests of planning a run, and of one that reuses everything.

That plans and TFX agree, every run of the tests asserts (`pipeline_runs.PipelineRuns.run`).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pipeline_runs import QUICK, PipelineRuns
from trace_collector import trace_collector, values
from typer.testing import CliRunner

from cli.main import app
from components.dataset.corrections import NO_CORRECTIONS
from components.dataset.survey import survey
from pipelines.config import load_config
from pipelines.metadata_store import opened
from pipelines.plan.planner import Plan
from pipelines.plan.replay import Replay
from pipelines.results import read_results
from schemas import run_record

EVERYTHING = 13
# What is another in each run.
OF_A_RUN = {run_record.SECONDS, run_record.CPU_SECONDS, run_record.PEAK_MEMORY}
SETTINGS = [part for key in QUICK for part in ("--set", key)]


def plan_of(runs: PipelineRuns, *overrides: str) -> Plan:
    config = load_config(None, [*QUICK, *overrides])
    found = survey(str(runs.data), config.survey_options)
    planned = runs.planned(config, NO_CORRECTIONS, found.fingerprint)
    assert planned is not None
    return planned


def would_run(plan: Plan) -> list[str]:
    return [step.id for step in plan.steps if step.state == "run"]


def recorded(runs: PipelineRuns, run_id: str) -> list[dict[str, Any]]:
    """Returns all that the store says of a run, apart from ids and times of its own."""
    store = opened(runs.output)
    context = store.get_context_by_type_and_name("pipeline_run", run_id)
    found = []
    for execution in sorted(store.get_executions_by_context(context.id), key=lambda one: one.id):
        properties = {
            name: str(value)
            for name, value in execution.custom_properties.items()
            if name not in OF_A_RUN
        }
        events = store.get_events_by_execution_ids([execution.id])
        contexts = store.get_contexts_by_execution(execution.id)
        found.append(
            {
                "type": execution.type,
                "state": execution.last_known_state,
                "properties": properties,
                "events": sorted((e.artifact_id, e.type, str(e.path)) for e in events),
                "contexts": sorted((c.type, c.name) for c in contexts if c.name != run_id),
            }
        )
    return found


def test_run_without_tfx_records_what_tfx_records(runs: PipelineRuns) -> None:
    runs.run("to be replayed")
    runs.run("by TFX")
    plan = plan_of(runs)
    assert plan.is_all_reused

    states = []
    Replay(plan, opened(runs.output), "without TFX", record={run_record.DATA: "x"}).run(
        lambda component: states.append((component.id, component.state))
    )

    assert recorded(runs, "without TFX") == recorded(runs, "by TFX")
    assert [state for _, state in states].count("cached") == EVERYTHING
    store = opened(runs.output)
    context = store.get_context_by_type_and_name("pipeline_run", "without TFX")
    assert context.custom_properties[run_record.DATA].string_value == "x"
    (parent,) = store.get_parent_contexts_by_context(context.id)
    assert (parent.type, parent.name) == ("pipeline", "warmstart")
    results = read_results(runs.output, "without TFX")
    assert results.measured == read_results(runs.output, "by TFX").measured
    assert set(runs.run("by TFX again").values()) == {"cached", "executed"}


def test_photo_that_is_new_would_run_everything(runs: PipelineRuns) -> None:
    photo = min((runs.data / "birds").glob("*.jpg"))
    (runs.data / "birds" / "copy.jpg").write_bytes(photo.read_bytes() + b"\0")

    assert len(would_run(plan_of(runs))) == EVERYTHING


def test_artifact_whose_files_are_gone_is_made_again(runs: PipelineRuns) -> None:
    runs.run("all there")
    plan = plan_of(runs)
    (suspicions,) = next(s for s in plan.steps if s.id == "LabelReview").outputs["suspicions"]
    folder = Path(suspicions.uri)
    folder.rename(runs.output.root / "hidden")
    try:
        assert would_run(plan_of(runs)) == ["LabelReview", "ReportGen", "Pusher"]
    finally:
        (runs.output.root / "hidden").rename(folder)


def test_model_that_is_no_longer_served_would_be_pushed_again(runs: PipelineRuns) -> None:
    runs.run("still served")
    pushed = read_results(runs.output, "still served").pushed_to
    assert pushed is not None
    Path(pushed).rename(runs.output.root / "away")
    try:
        assert would_run(plan_of(runs)) == ["Pusher"]
    finally:
        (runs.output.root / "away").rename(pushed)


@pytest.fixture
def plan_command(runs: PipelineRuns) -> list[str]:
    places = ["--data", str(runs.data), "--output", str(runs.output.root)]
    return ["pipeline", "plan", *places, *SETTINGS]


def test_plan_names_what_would_run_and_why(runs: PipelineRuns, plan_command: list[str]) -> None:
    runs.run("planned 1", "evaluate.split=eval")
    done = CliRunner().invoke(app, [*plan_command, "--set", "frozen.learning_rate=0.00777"])

    assert done.exit_code == 0
    lines = [line for line in done.stdout.splitlines() if line.startswith("→")]
    assert [line.split()[1] for line in lines] == [
        *("Trainer", "ServingValidator", "Evaluator", "ReportGen", "Pusher"),
    ]
    assert re.search(r"frozen\.learning_rate changed from [\d.]+ to 0\.00777", lines[0])
    assert lines[1].endswith("needs what Trainer makes anew")
    assert done.stdout.endswith("\n5 of 13 components would run.\n")


def test_plan_that_reuses_everything_says_so(runs: PipelineRuns, plan_command: list[str]) -> None:
    runs.run("planned 2", "evaluate.split=eval")

    done = CliRunner().invoke(app, plan_command)
    assert done.stdout.endswith("\nNothing would run: all 13 components are reused.\n")

    found = json.loads(CliRunner().invoke(app, [*plan_command, "--json"]).stdout)
    assert found["all_reused"] is True
    assert [one["state"] for one in found["components"]].count("reuse") == EVERYTHING


def test_plan_without_any_run_would_run_everything_and_writes_nothing(
    runs: PipelineRuns, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    places = ["--data", str(runs.data), "--output", str(output)]
    done = CliRunner().invoke(app, ["pipeline", "plan", *places])

    assert done.exit_code == 0
    assert done.stdout.endswith("\n13 of 13 components would run.\n")
    assert "it never ran before" in done.stdout
    assert not output.exists()


def test_run_that_reuses_everything_imports_neither_tfx_nor_tensorflow(
    runs: PipelineRuns, tmp_path: Path
) -> None:
    runs.run("planned 3", "evaluate.split=eval")
    arguments = json.dumps(
        [
            *(
                "pipeline",
                "run",
                "--data",
                str(runs.data),
                "--output",
                str(runs.output.root),
                "--json",
            ),
            *SETTINGS,
        ]
    )
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from cli.main import app\n"
        f"app({arguments}, standalone_mode=False)\n"
        "print([name for name in ('tensorflow', 'tfx.orchestration', 'tfx.dsl', 'apache_beam',"
        " 'opentelemetry') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=120
    )

    summary, imported = done.stdout.strip().splitlines()
    assert imported == "[]"
    components = json.loads(summary)["components"]
    assert [one["state"] for one in components].count("cached") == EVERYTHING


def test_run_that_reuses_everything_is_traced_with_why(
    runs: PipelineRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.run("planned 4", "evaluate.split=eval")
    places = ["--data", str(runs.data), "--output", str(runs.output.root)]
    with trace_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        done = subprocess.run(
            [
                *(sys.executable, "-c", "from cli.main import main; main()"),
                *("pipeline", "run", *places, "--json", "--log-json", *SETTINGS),
            ],
            capture_output=True,
            text=True,
            check=True,
        )

    told = values(collector.root().attributes)
    assert told["cicd.pipeline.run.id"] == json.loads(done.stdout)["run_id"]
    spans = {name: values(span.attributes) for name, span in collector.parts().items()}
    assert [found["warmstart.state"] for found in spans.values()].count("cached") == EVERYTHING
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    because = {line["about"]: line["because"] for line in lines if line["event"] == "decision"}
    assert because.keys() >= spans.keys()
    for name, found in spans.items():
        assert found["warmstart.because"] == because[name]
