"""What a run did, as a trace: a span for the run, and one for each of its components.

Spans are made and sent when the run has ended, if an endpoint of OpenTelemetry is configured, by
`pipelines.otlp`; until then nothing of OpenTelemetry is imported, and no run waits for anything.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.outcome import EXECUTED, FAILED, RUNNING, SKIPPED, ComponentRun, Outcome
from pipelines.resource_use import ResourceMeter
from schemas.addresses import without_secrets
from schemas.errors import first_line

# https://opentelemetry.io/docs/specs/semconv/registry/attributes/cicd/
PIPELINE = "cicd.pipeline.name"
RUN_ID = "cicd.pipeline.run.id"
RESULT = "cicd.pipeline.result"
TASK = "cicd.pipeline.task.name"
TASK_RESULT = "cicd.pipeline.task.run.result"
# There are no conventions for the rest.
STATE = "warmstart.state"
BECAUSE = "warmstart.because"
CPU_SECONDS = "warmstart.cpu_seconds"
PEAK_MEMORY = "warmstart.peak_memory_bytes"
BLESSED = "warmstart.blessed"
PUSHED_VERSION = "warmstart.pushed_version"

_SUCCESS, _FAILURE, _CANCELLATION, _SKIP = "success", "failure", "cancellation", "skip"
_CANCELLED = "cancelled"

# The first that is set counts.
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

# Seconds. Who pressed Ctrl-C is not kept waiting.
_PATIENCE_AFTER_CTRL_C = 1.0

Listener = Callable[[ComponentRun], None]

Attributes = Mapping[str, str | bool | int | float]


@dataclass(frozen=True)
class Span:
    """Something that took time.

    Attributes:
        name: of it.
        began: in nanoseconds since 1970.
        ended: the same.
        attributes: what is known of it.
        error: the sentence, if it failed.
        parts: what it consists of.
    """

    name: str
    began: int
    ended: int
    attributes: Attributes = field(default_factory=dict)
    error: str | None = None
    parts: tuple[Span, ...] = ()


def is_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Tells whether the environment names an endpoint, and does not switch traces off."""
    return (
        any(environment.get(name, "").strip() for name in ENDPOINTS)
        and environment.get("OTEL_SDK_DISABLED", "").strip().lower() != "true"
        and environment.get("OTEL_TRACES_EXPORTER", "").strip().lower() != "none"
    )


class RunTrace:
    """Follows a run from the command to its end."""

    def __init__(self) -> None:
        """Begins."""
        self._began = time.time_ns()
        self._started: dict[str, int] = {}
        self._ended: list[tuple[ComponentRun, int, int]] = []
        self._because: Mapping[str, str] = {}
        self._pipeline: str | None = None
        self._sending = threading.Lock()
        self._is_sent = False

    def following(self, listener: Listener) -> Listener:
        """Returns a listener that takes note of each component, and tells the one given."""

        def heard(component: ComponentRun) -> None:
            now = time.time_ns()
            if component.state == RUNNING:
                self._started[component.id] = now
            else:
                self._ended.append((component, self._started.pop(component.id, now), now))
            listener(component)

        return heard

    def explain(self, because: Mapping[str, str]) -> None:
        """Takes note of why each component runs or is reused, a sentence by its id."""
        self._because = because

    def call(self, pipeline: str) -> None:
        """Takes note of the name of the pipeline."""
        self._pipeline = pipeline

    def send(self, outcome: Outcome, say: Callable[[str], None]) -> None:
        """Sends the trace, once; who comes second waits for it.

        Args:
            outcome: of the run.
            say: called with a sentence if that does not succeed; no error is raised.
        """
        patience = _PATIENCE_AFTER_CTRL_C if outcome.interrupted else None
        with self._sending:
            if not self._is_sent:
                self._is_sent = True
                _send(self._span(outcome), say, at_most=patience)

    def _span(self, outcome: Outcome) -> Span:
        now = time.time_ns()
        open_still = [
            (ComponentRun(name, FAILED, (now - began) / 1e9), began, now)
            for name, began in self._started.items()
        ]
        return Span(
            f"RUN {self._pipeline}" if self._pipeline else "RUN",
            self._began,
            now,
            _known(
                {
                    PIPELINE: self._pipeline,
                    RUN_ID: outcome.run_id,
                    RESULT: _result(outcome),
                    BLESSED: outcome.results.blessed if outcome.results else None,
                    PUSHED_VERSION: _pushed_version(outcome),
                }
            ),
            _told(outcome.error),
            tuple(
                _component_span(
                    component,
                    began,
                    ended,
                    because=self._because.get(component.id),
                    error=outcome.error,
                    interrupted=outcome.interrupted,
                )
                for component, began, ended in [*self._ended, *open_still]
            ),
        )


@contextmanager
def traced_run(say: Callable[[str], None]) -> Iterator[RunTrace]:
    """Follows a run; one that is refused before it begins is sent here.

    Args:
        say: called with a sentence if a trace could not be sent.
    """
    trace = RunTrace()
    try:
        yield trace
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        trace.send(Outcome(None, error=first_line(error), interrupted=interrupted), say)
        raise


@contextmanager
def traced_step(step: str, run_id: str | None, say: Callable[[str], None]) -> Iterator[None]:
    """Sends a span of its own for a component that runs elsewhere than the others of its run.

    Args:
        step: its id.
        run_id: of its run, where it is known.
        say: called with a sentence if it could not be sent.
    """
    began, meter = time.time_ns(), ResourceMeter()
    error: str | None = None
    try:
        yield
    except BaseException as raised:
        error = first_line(raised)
        raise
    finally:
        ended = time.time_ns()
        state = FAILED if error else EXECUTED
        component = ComponentRun(step, state, (ended - began) / 1e9, meter.read())
        run = _known({RUN_ID: run_id})
        _send(_component_span(component, began, ended, error=error, run=run), say)


def _send(span: Span, say: Callable[[str], None], *, at_most: float | None = None) -> None:
    if not is_wanted():
        return
    from pipelines.otlp import export  # noqa: PLC0415 (OpenTelemetry, for who wants it)

    if warning := export(span, at_most=at_most):
        say(warning)


def _component_span(
    component: ComponentRun,
    began: int,
    ended: int,
    *,
    because: str | None = None,
    error: str | None = None,
    interrupted: bool = False,
    run: Attributes | None = None,
) -> Span:
    """Returns the span of a component.

    Args:
        component: that ended.
        began: in nanoseconds since 1970.
        ended: the same.
        because: why it ran or was reused, as a sentence.
        error: why the run failed; of no meaning unless this component did.
        interrupted: whether it failed by Ctrl-C.
        run: attributes of its run, where that has no span of its own.
    """
    failed = component.state == FAILED
    cancelled = failed and interrupted
    used = component.used
    return Span(
        component.id,
        began,
        ended,
        _known(
            {
                **(run or {}),
                TASK: component.id,
                TASK_RESULT: _CANCELLATION
                if cancelled
                else {FAILED: _FAILURE, SKIPPED: _SKIP}.get(component.state, _SUCCESS),
                STATE: _CANCELLED if cancelled else component.state,
                BECAUSE: because,
                CPU_SECONDS: used.cpu_seconds if used else None,
                PEAK_MEMORY: used.peak_memory if used else None,
            }
        ),
        _told(error) if failed else None,
    )


def _result(outcome: Outcome) -> str:
    if outcome.interrupted:
        return _CANCELLATION
    return _FAILURE if outcome.error else _SUCCESS


def _pushed_version(outcome: Outcome) -> str | None:
    pushed_to = outcome.results.pushed_to if outcome.results else None
    return Path(pushed_to).name if pushed_to else None


def _known(attributes: Mapping[str, str | bool | int | float | None]) -> Attributes:
    return {name: value for name, value in attributes.items() if value is not None}


def _told(error: str | None) -> str | None:
    return without_secrets(error) if error else error
