"""Starts runs on Kubeflow Pipelines, and lists them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from kfp_server_api import V2beta1Run, V2beta1RuntimeConfig

from pipelines.kubeflow_client.lookup import by_name, equals, existing_experiment, experiment_of
from pipelines.kubeflow_client.refusals import UnclearError
from pipelines.kubeflow_client.run_facts import RunFacts, run_facts
from pipelines.kubeflow_client.server import Server
from pipelines.kubeflow_client.spec_file import SpecFile
from schemas.errors import printable


def submit(
    server: Server,
    spec: SpecFile,
    parameters: Mapping[str, Any],
    *,
    name: str,
    experiment: str,
    service_account: str,
) -> RunFacts:
    """Starts a run of a compiled pipeline.

    The pipeline goes with the request. As an uploaded version it would be the newest, which is what
    schedules run: to try something must not change what runs at night.

    Args:
        server: that runs it.
        spec: the compiled pipeline.
        parameters: its runtime parameters, typed.
        name: of the run, which no other run has.
        experiment: that it belongs to; made if it is not there.
        service_account: of Kubernetes, for its pods.

    Raises:
        WarmstartError: if the server does not take it. If it is not known whether it did, the
            sentence says so, and nothing is sent a second time.
    """
    run = V2beta1Run(
        display_name=name,
        experiment_id=experiment_of(server, experiment).experiment_id,
        pipeline_spec=dict(spec.spec),
        runtime_config=V2beta1RuntimeConfig(parameters=dict(parameters)),
        service_account=service_account,
    )
    try:
        return run_facts(server.call(server.api.runs.run_service_create_run, creates=True, run=run))
    except UnclearError as error:
        found = next(_named(server, name), None)
        if found:
            return run_facts(found)
        raise UnclearError(
            f"{str(error).partition(';')[0].rstrip('.')}, and there is no run {printable(name)} "
            "yet; look with `warmstart kubeflow runs` in a moment, before you submit it again."
        ) from error


def list_runs(server: Server, *, experiment: str | None, limit: int) -> list[RunFacts]:
    """Returns the newest runs.

    Args:
        server: that has them.
        experiment: only those of this one.
        limit: how many at most.

    Raises:
        ConfigError: if there is no such experiment.
    """
    if experiment:
        found = existing_experiment(server, experiment)
        chosen = {"experiment_id": found.experiment_id}
    else:
        chosen = {"namespace": server.namespace}
    runs = server.listed(
        server.api.runs.run_service_list_runs, "runs", sort_by="created_at desc", **chosen
    )
    return [run_facts(run) for run in islice(runs, limit)]


def running_runs(server: Server, schedule_id: str) -> list[RunFacts]:
    """Returns the runs of a schedule that go on."""
    runs = server.listed(
        server.api.runs.run_service_list_runs,
        "runs",
        sort_by="created_at desc",
        filter=equals(recurring_run_id=schedule_id),
        namespace=server.namespace,
    )
    # A schedule lets ten run at a time; the newest hundred hold them.
    return [run for run in map(run_facts, islice(runs, 100)) if not run.is_finished]


def _named(server: Server, name: str) -> Any:
    return server.listed(
        server.api.runs.run_service_list_runs,
        "runs",
        filter=by_name(name),
        namespace=server.namespace,
    )
