"""Waits for a run on Kubeflow Pipelines, and says what changes."""

from __future__ import annotations

import time
from collections.abc import Callable

from pipelines.kubeflow_client.refusals import PassingError
from pipelines.kubeflow_client.run_facts import RunFacts, TaskFacts, run_facts
from pipelines.kubeflow_client.server import Server
from schemas.errors import PipelineError, printable, shortened_list

# Seconds between two looks.
_INTERVAL = 5.0

# A server that restarts is away for so many seconds; the run itself goes on meanwhile.
_MOST_SILENCE = 300.0


def follow(
    server: Server,
    run_id: str,
    *,
    timeout: float | None,
    on_task: Callable[[TaskFacts], None],
) -> RunFacts:
    """Waits until a run is finished.

    Args:
        server: that runs it.
        run_id: of the run.
        timeout: seconds to wait at most; None: as long as it takes.
        on_task: called with a task whenever its state is another one than before.

    Raises:
        PipelineError: if it takes longer; it goes on.
        ClusterError: if the server is away for five minutes.
    """
    began = heard = time.monotonic()
    states: dict[str, str] = {}
    while True:
        try:
            answer = server.call(server.api.runs.run_service_get_run, run_id=run_id)
        except PassingError:
            if time.monotonic() - heard > _MOST_SILENCE:
                raise
        else:
            heard = time.monotonic()
            run = run_facts(answer)
            for task in run.tasks:
                if states.get(task.name) != task.state:
                    states[task.name] = task.state
                    on_task(task)
            if run.is_finished:
                return run
        if timeout is not None and time.monotonic() - began >= timeout:
            raise PipelineError(
                f"Run {run_id} is not finished after {timeout:.0f} s, and goes on; `warmstart "
                f"kubeflow runs` shows its state."
            )
        time.sleep(_INTERVAL)


def check_succeeded(run: RunFacts) -> None:
    """Checks how a finished run ended.

    Raises:
        PipelineError: unless it succeeded.
    """
    if run.state == "SUCCEEDED":
        return
    failed = [task for task in run.tasks if task.state == "FAILED"]
    what = shortened_list(printable(task.name) for task in failed)
    why = next((task.error for task in failed if task.error), run.error)
    said = f" ({printable(why.rstrip('.'))})" if why else ""
    where = f" in {what}" if what else ""
    hint = f" --task {failed[0].name}" if failed else ""
    raise PipelineError(
        f"Run {printable(run.name)} ended as {run.state}{where}{said}; `warmstart kubeflow logs "
        f"{run.id}{hint}` shows what was logged."
    )
