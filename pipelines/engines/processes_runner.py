"""Beam's FnApiRunner with processes that are kept from one component to the next.

Beam's own `direct_running_mode=multi_processing` starts new ones for each pipeline, and each of
them imports TensorFlow before it does anything: 49 s of 58 for the sample photos on two busy cores.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from argparse import ArgumentParser
from dataclasses import dataclass, field
from typing import IO, Any, cast

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    GrpcWorkerHandler,
    WorkerHandler,
)
from apache_beam.transforms.environments import Environment, python_sdk_capabilities

from schemas.errors import PipelineError

_URN = "warmstart:env:kept_process:v1"

_SECONDS_TO_END = 5.0
_SECONDS_BETWEEN_LOOKS = 0.1


class ProcessesOptions(PipelineOptions):
    """The options of this runner."""

    @classmethod
    def _add_argparse_args(cls, parser: ArgumentParser) -> None:
        parser.add_argument("--processes", type=int, default=1, help="How many work at once.")


class ProcessesRunner(FnApiRunner):
    """Runs pipelines of Beam in processes of this machine, by Beam's Fn API."""

    def __init__(self) -> None:
        """Starts nothing yet."""
        super().__init__(default_environment=_KeptProcesses(python_sdk_capabilities()))

    def run_via_runner_api(self, pipeline_proto: Any, options: PipelineOptions) -> Any:
        """Runs a pipeline to its end.

        Raises:
            PipelineError: if a process ends by itself.
            RuntimeError: if a transform fails; the first line says why.
        """
        self._num_workers = options.view_as(ProcessesOptions).processes
        try:
            return super().run_via_runner_api(pipeline_proto, options)
        except RuntimeError as error:
            # Of what happened elsewhere there is a traceback as text only.
            reason = str(error).strip().rsplit("\n", 1)[-1]
            raise RuntimeError(reason) from error


@Environment.register_urn(_URN, bytes)
class _KeptProcesses(Environment):
    def to_runner_api_parameter(self, context: Any) -> tuple[str, bytes]:
        del context
        return _URN, b""

    @staticmethod
    def from_runner_api_parameter(payload: bytes, *described: Any) -> _KeptProcesses:
        del payload
        capabilities, artifacts, hints, _ = described
        return _KeptProcesses(capabilities, artifacts, hints)


@WorkerHandler.register_environment(_URN, bytes)
class _KeptProcessHandler(GrpcWorkerHandler):
    """Beam's side of a process that works for one pipeline."""

    def __init__(self, payload: bytes, state: Any, provision_info: Any, grpc_server: Any) -> None:
        del payload
        super().__init__(state, provision_info, grpc_server)
        self._process = _PROCESSES.one()
        self._closed = threading.Event()
        self._watch = threading.Thread(target=self._wait, name="wait for a worker", daemon=True)

    def start_worker(self) -> None:
        self._watch.start()

    def close(self) -> None:
        self._closed.set()
        super().close()

    def stop_worker(self) -> None:
        self._watch.join()

    def _wait(self) -> None:
        """Waits until the process is no longer wanted, or ends by itself."""
        if self._process.works(self.control_address, self.worker_id):
            _PROCESSES.keep(self._process)
            return
        failure = PipelineError(
            f"A process of engine.name = local-processes ended with {self._process.end()}; it may "
            "have had too little memory: lower engine.workers."
        )
        # Else Beam would wait for answers for ever, also to what it asks from now on.
        while not self._closed.wait(_SECONDS_BETWEEN_LOOKS):
            for future in list(self.control_conn._futures_by_id.values()):
                future.abort(failure)


class _Process:
    """A worker process, and what it is told and answers."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.engines.worker_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        # Both are pipes.
        self._told = cast(IO[str], self._process.stdin)
        self._answers = cast(IO[str], self._process.stdout)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def works(self, control: str, worker: str) -> bool:
        """Lets it be a worker; returns at the end whether it is still alive then."""
        try:
            self._told.write(json.dumps({"control": control, "worker": worker}) + "\n")
            self._told.flush()
        except BrokenPipeError:
            return False
        return bool(self._answers.readline())

    def end(self) -> str:
        """Ends it, and returns how it ended."""
        try:
            self._told.close()
            code = self._process.wait(_SECONDS_TO_END)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            code = self._process.wait()
        self._answers.close()
        return f"signal {-code}" if code < 0 else f"exit code {code}"


@dataclass
class _Processes:
    """Processes that do nothing now."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    idle: list[_Process] = field(default_factory=list)

    def one(self) -> _Process:
        with self.lock:
            while self.idle:
                process = self.idle.pop()
                if process.is_alive:
                    return process
                process.end()
        return _Process()

    def keep(self, process: _Process) -> None:
        with self.lock:
            self.idle.append(process)

    def end(self) -> None:
        with self.lock:
            ended, self.idle = self.idle, []
        for process in ended:
            process.end()


_PROCESSES = _Processes()
atexit.register(_PROCESSES.end)
