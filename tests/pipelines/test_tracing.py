"""Tests of traces: what a collector gets of a run, and what happens without one that answers."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trace_collector import ERROR, OK, Collector, trace_collector, values

from pipelines.outcome import CACHED, EXECUTED, FAILED, RUNNING, SKIPPED, ComponentRun, Outcome
from pipelines.resource_use import ResourceUse
from pipelines.tracing import RunTrace, is_wanted, traced_run, traced_step
from schemas.errors import DataError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SECRET = "Bearer-abc123secret"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def _none_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRACEPARENT", "TRACESTATE", "OTEL_SERVICE_NAME", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with trace_collector() as collector:
        monkeypatch.setenv(ENDPOINT, collector.url)
        yield collector


def traced(*components: ComponentRun, **outcome: Any) -> list[str]:
    """Sends the trace of a run with such components; returns what was said."""
    trace, said = RunTrace(), list[str]()
    trace.call("mine")
    trace.explain({"Trainer": "frozen.epochs changed from 1 to 2."})
    listener = trace.following(lambda component: None)
    for component in components:
        if component.state != SKIPPED:
            listener(ComponentRun(component.id, RUNNING, 0.0))
            time.sleep(0.02)
        if component.state != RUNNING:
            listener(component)
    trace.send(Outcome("run 1", **outcome), said.append)
    return said


def test_run_is_a_span_with_one_for_each_component(collector: Collector) -> None:
    began = time.time_ns()

    said = traced(
        ComponentRun("Embedder", CACHED, 0.02),
        ComponentRun("Trainer", EXECUTED, 0.02, ResourceUse(1.5, 2000)),
    )

    assert said == []
    assert collector.paths == ["/v1/traces"]
    root, parts = collector.root(), collector.parts()
    assert (root.name, root.status.code, list(parts)) == ("RUN mine", OK, ["Embedder", "Trainer"])
    assert values(root.attributes) == {
        "cicd.pipeline.name": "mine",
        "cicd.pipeline.run.id": "run 1",
        "cicd.pipeline.result": "success",
    }
    assert values(parts["Embedder"].attributes) == {
        "cicd.pipeline.task.name": "Embedder",
        "cicd.pipeline.task.run.result": "success",
        "warmstart.state": "cached",
    }
    assert values(parts["Trainer"].attributes) == {
        "cicd.pipeline.task.name": "Trainer",
        "cicd.pipeline.task.run.result": "success",
        "warmstart.state": "executed",
        "warmstart.because": "frozen.epochs changed from 1 to 2.",
        "warmstart.cpu_seconds": 1.5,
        "warmstart.peak_memory_bytes": 2000,
    }
    assert {span.trace_id for span in collector.spans()} == {root.trace_id}
    times = [(span.start_time_unix_nano, span.end_time_unix_nano) for span in collector.spans()]
    (whole, *of_parts) = times
    assert began <= whole[0] <= of_parts[0][0] < of_parts[0][1] <= of_parts[1][0] < whole[1]
    assert all(end - start >= 20_000_000 for start, end in of_parts)
    assert whole[1] <= time.time_ns()


def test_failure_is_said_where_it_happened_and_of_the_run(collector: Collector) -> None:
    traced(
        ComponentRun("Embedder", EXECUTED, 1.0),
        ComponentRun("Trainer", FAILED, 1.0),
        ComponentRun("Pusher", SKIPPED, 0.0),
        error="Trainer failed: no.",
    )

    root, parts = collector.root(), collector.parts()
    told = {n: (s.status.code, s.status.message) for n, s in {"run": root, **parts}.items()}
    assert told == {
        "run": (ERROR, "Trainer failed: no."),
        "Embedder": (OK, ""),
        "Trainer": (ERROR, "Trainer failed: no."),
        "Pusher": (OK, ""),
    }
    assert values(root.attributes)["cicd.pipeline.result"] == "failure"
    results = {n: values(s.attributes)["cicd.pipeline.task.run.result"] for n, s in parts.items()}
    assert results == {"Embedder": "success", "Trainer": "failure", "Pusher": "skip"}


@pytest.mark.parametrize("state", [FAILED, RUNNING], ids=["heard it", "did not come to its end"])
def test_component_that_was_interrupted_is_cancelled(collector: Collector, state: str) -> None:
    traced(ComponentRun("Trainer", state, 1.0), error="Interrupted.", interrupted=True)

    trainer = collector.parts()["Trainer"]
    assert values(collector.root().attributes)["cicd.pipeline.result"] == "cancellation"
    assert values(trainer.attributes)["warmstart.state"] == "cancelled"
    assert (trainer.status.code, trainer.status.message) == (ERROR, "Interrupted.")


def test_run_that_is_refused_is_sent_before_its_error_is_told(collector: Collector) -> None:
    def refused() -> None:
        with traced_run(pytest.fail) as trace:
            trace.call("mine")
            raise DataError("photos: no class folders.")

    with pytest.raises(DataError):
        refused()

    (span,) = collector.spans()
    assert (span.name, span.status.code) == ("RUN mine", ERROR)
    assert span.status.message == "photos: no class folders."
    assert "cicd.pipeline.run.id" not in values(span.attributes)


def test_run_is_sent_once(collector: Collector) -> None:
    def failed() -> None:
        with traced_run(pytest.fail) as trace:
            trace.send(Outcome("run 1"), pytest.fail)
            raise SystemExit(1)

    with pytest.raises(SystemExit):
        failed()

    assert len(collector.requests) == 1


def test_secrets_in_addresses_are_not_sent(collector: Collector) -> None:
    traced(error="Cannot read https://me:pw@host/a.zip?sig=abc&x=1 (gone), is it there?")

    assert collector.root().status.message == (
        "Cannot read https://***@host/a.zip (gone), is it there?"
    )


def test_step_joins_the_trace_that_it_is_told(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEPARENT", PARENT)

    with traced_step("Trainer", "run-7", pytest.fail):
        time.sleep(0.02)

    (span,) = collector.spans()
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == tuple(PARENT.split("-")[1:3])
    found = values(span.attributes)
    assert found["cicd.pipeline.task.name"] == "Trainer"
    assert found["cicd.pipeline.run.id"] == "run-7"
    assert found["warmstart.state"] == "executed"
    assert found["warmstart.cpu_seconds"] >= 0


def test_step_that_fails_says_so(collector: Collector) -> None:
    with pytest.raises(ValueError, match="bad"), traced_step("Trainer", None, pytest.fail):
        raise ValueError("bad\nand more")

    (span,) = collector.spans()
    assert (span.status.code, span.status.message) == (ERROR, "bad")


def test_process_has_the_name_that_the_environment_gives_it(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced()
    first = collector.resource()
    collector.requests.clear()
    monkeypatch.setenv("OTEL_SERVICE_NAME", "birds")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=zoo")
    traced()

    assert (first["service.name"], first["service.version"]) == ("warmstart", "0.1.0")
    assert collector.resource()["service.name"] == "birds"
    assert collector.resource()["team"] == "zoo"


def test_headers_are_sent_and_compression_is_heard(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization={SECRET}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")

    assert traced() == []

    (headers,) = collector.headers
    assert (headers["authorization"], headers["content-encoding"]) == (SECRET, "gzip")


def test_sampler_decides(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")

    assert traced() == []
    assert collector.requests == []


def test_address_for_traces_goes_before_that_for_all(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.url}/mine")

    assert traced() == []
    assert collector.paths == ["/mine"]


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({ENDPOINT: " "}, False),
        ({ENDPOINT: "http://h:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://h:4318/v1/traces"}, True),
        ({ENDPOINT: "http://h:4318", "OTEL_SDK_DISABLED": "True"}, False),
        ({ENDPOINT: "http://h:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_traces_are_wanted_where_an_endpoint_is(environment: dict[str, str], wanted: bool) -> None:
    assert is_wanted(environment) is wanted


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_endpoint_where_nobody_listens_costs_a_sentence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = closed_port()
    monkeypatch.setenv(ENDPOINT, f"http://me:{SECRET}@127.0.0.1:{port}/?key={SECRET}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization={SECRET}")
    began = time.monotonic()

    with caplog.at_level(logging.DEBUG):
        said = traced()

    assert time.monotonic() - began < 5
    assert said == [
        f"The trace of this run was not taken by 127.0.0.1:{port} within 3 seconds (no answer); "
        "look there, or unset OTEL_EXPORTER_OTLP_ENDPOINT."
    ]
    assert SECRET not in caplog.text


def test_endpoint_that_never_answers_is_not_waited_for(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector.pause = 30
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.5")
    began = time.monotonic()

    (said,) = traced()

    assert time.monotonic() - began < 3
    assert said.startswith(
        f"The trace of this run was not taken by {collector.url[7:]} within 0.5 seconds (no answer)"
    )


def test_who_pressed_ctrl_c_waits_a_second(collector: Collector) -> None:
    collector.pause = 30
    began = time.monotonic()

    (said,) = traced(error="Interrupted.", interrupted=True)

    assert time.monotonic() - began < 2.5
    assert " within 1 seconds " in said


def test_endpoint_that_refuses_is_quoted_without_the_header(
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    collector.status = 401
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization={SECRET}")

    with caplog.at_level(logging.DEBUG):
        (said,) = traced()

    assert said == (
        f"The trace of this run was not taken by {collector.url[7:]} within 3 seconds (HTTP 401); "
        "look there, or unset OTEL_EXPORTER_OTLP_ENDPOINT."
    )
    assert SECRET not in said + caplog.text + "".join(capfd.readouterr())


def test_address_that_is_none_costs_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://[half")

    (said,) = traced()

    assert said.startswith("The trace of this run was not taken by the endpoint within 3 seconds")


def test_without_an_endpoint_nothing_of_opentelemetry_is_imported() -> None:
    script = (
        "import sys; from pipelines.outcome import Outcome; from pipelines.tracing import RunTrace;"
        "RunTrace().send(Outcome('x'), print); print(*sys.modules)"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert "pipelines.tracing" in loaded
    assert [name for name in loaded if name.startswith("opentelemetry")] == []
