"""Tests of what is shown while a run goes on."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.component_logs import ComponentLogs
from cli.progress import JsonProgress, Progress, TerminalProgress, decided
from pipelines.outcome import CACHED, EXECUTED, FAILED, RUNNING, SKIPPED, ComponentRun
from pipelines.resource_use import ResourceUse

HOSTILE = 'a\n{"event": "x"} é\udcff'


@pytest.fixture(autouse=True)
def _level() -> Iterator[None]:
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


def logs_in(folder: Path) -> ComponentLogs:
    (folder / "log.txt").touch()
    return ComponentLogs(folder)


def follow(progress: Progress) -> None:
    with progress.shown():
        progress.on_component(ComponentRun("Trainer", RUNNING, 0.0))
        logging.getLogger("components.trainer.callbacks").info("frozen 1/2: loss %.1f", 0.5)
        logging.getLogger("elsewhere").info("not for everyone")
        decided("photos/a.jpg", "quarantined", HOSTILE)
        used = ResourceUse(2.5, 1000)
        progress.on_component(ComponentRun("Trainer", EXECUTED, 1.25, used))
        progress.say("Interrupted.", "yellow")


def test_people_see_components_and_epochs(tmp_path: Path) -> None:
    shown = io.StringIO()
    follow(TerminalProgress(shown, logs_in(tmp_path)))

    lines = [line.rstrip() for line in shown.getvalue().splitlines()]
    assert "✓ Trainer               executed    1.2 s" in lines
    assert "  frozen 1/2: loss 0.5" in lines
    assert lines[-1] == "Interrupted."
    assert "not for everyone" not in shown.getvalue()
    assert "quarantined" not in shown.getvalue()


def objects(shown: io.StringIO) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in shown.getvalue().splitlines()]
    for one in found:
        del one["time"]
    return found


def test_programs_read_an_object_in_each_line(tmp_path: Path) -> None:
    shown = io.StringIO()
    follow(JsonProgress(shown, logs_in(tmp_path)))

    measured = {"seconds": 1.25, "cpu_seconds": 2.5, "peak_memory": 1000}
    found = [one for one in objects(shown) if one["event"] != "loaded"]
    assert found == [
        {"event": "component", "id": "Trainer", "state": "running"},
        {"event": "log", "level": "INFO", "message": "frozen 1/2: loss 0.5"},
        {
            "event": "decision",
            "about": "photos/a.jpg",
            "decision": "quarantined",
            "because": HOSTILE,
        },
        {"event": "component", "id": "Trainer", "state": "executed", **measured},
        {"event": "message", "message": "Interrupted."},
    ]


@pytest.mark.parametrize("kind", [TerminalProgress, JsonProgress])
def test_component_that_failed_is_known(tmp_path: Path, kind: type[Progress]) -> None:
    progress = kind(io.StringIO(), logs_in(tmp_path))
    with progress.shown():
        for state in (RUNNING, FAILED):
            progress.on_component(ComponentRun("Embedder", state, 1.0))
        progress.on_component(ComponentRun("Trainer", SKIPPED, 0.0))

    assert progress.failed == "Embedder"
    assert [one.state for one in progress.components] == [FAILED, SKIPPED]


def test_decisions_are_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        decided("Trainer", "run", "frozen.epochs changed from 1 to 2.")

    assert caplog.messages == ["Trainer: run, because frozen.epochs changed from 1 to 2."]


def test_nothing_is_followed_afterwards(tmp_path: Path) -> None:
    shown = io.StringIO()
    with JsonProgress(shown, logs_in(tmp_path)).shown():
        pass
    before = shown.getvalue()
    decided("Trainer", CACHED, "x")

    assert shown.getvalue() == before
