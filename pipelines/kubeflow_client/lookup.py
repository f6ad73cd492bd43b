"""Finds things on the server of Kubeflow Pipelines by the names that people give them."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import Any

from kfp_server_api import V2beta1Experiment

from pipelines.kubeflow_client.refusals import ConflictError, NotFoundError, UnclearError
from pipelines.kubeflow_client.server import Server
from schemas.errors import ConfigError, printable, shortened_list

DEFAULT_EXPERIMENT = "warmstart"

_ARCHIVED = "ARCHIVED"


def by_name(name: str) -> str:
    """Returns the filter of a list that keeps what has a name."""
    return equals(display_name=name)


def equals(**values: str) -> str:
    """Returns the filter of a list that keeps what has all these values."""
    predicates = [
        {"operation": "EQUALS", "key": key, "string_value": value} for key, value in values.items()
    ]
    return json.dumps({"predicates": predicates})


def find_experiment(server: Server, name: str) -> Any | None:
    """Returns an experiment, or None if there is none of that name.

    Raises:
        ConfigError: if it is archived: nothing can be run in it.
    """
    found = server.listed(
        server.api.experiments.experiment_service_list_experiments,
        "experiments",
        filter=by_name(name),
        namespace=server.namespace,
    )
    experiment = next(found, None)
    if experiment and experiment.storage_state == _ARCHIVED:
        raise ConfigError(
            f"--experiment {printable(name)} is archived; restore it on {server.address}, or name "
            "another one."
        )
    return experiment


def existing_experiment(server: Server, name: str) -> Any:
    """Returns an experiment.

    Raises:
        ConfigError: if there is none of that name.
    """
    experiment = find_experiment(server, name)
    if experiment:
        return experiment
    every = server.listed(
        server.api.experiments.experiment_service_list_experiments,
        "experiments",
        namespace=server.namespace,
    )
    names = [str(one.display_name) for one in every]
    raise ConfigError(f"--experiment {printable(name)}: {or_nearest(name, names, 'experiment')}")


def experiment_of(server: Server, name: str) -> Any:
    """Returns an experiment, and makes it if it is not there."""
    found = find_experiment(server, name)
    if found:
        return found
    try:
        return server.call(
            server.api.experiments.experiment_service_create_experiment,
            creates=True,
            experiment=V2beta1Experiment(display_name=name, namespace=server.namespace),
        )
    except (ConflictError, UnclearError):  # Somebody else was faster, or the answer got lost.
        found = find_experiment(server, name)
        if not found:
            raise
        return found


def find_run(server: Server, run: str) -> Any:
    """Returns a run with the states of its tasks.

    Args:
        server: that has it.
        run: its id, or its name; of several of a name, the newest.

    Raises:
        ConfigError: if there is none.
    """
    named = server.listed(
        server.api.runs.run_service_list_runs,
        "runs",
        filter=by_name(run),
        sort_by="created_at desc",
        namespace=server.namespace,
    )
    newest = next(named, None)
    try:
        return server.call(
            server.api.runs.run_service_get_run, run_id=newest.run_id if newest else run
        )
    except (NotFoundError, ConfigError) as error:
        raise ConfigError(
            f"{server.address} has no run {printable(run)}; `warmstart kubeflow runs` lists them."
        ) from error


def or_nearest(name: str, names: list[str], kind: str) -> str:
    """Says that there is no such thing, and which are like it."""
    if not names:
        return f"there is no {kind} yet."
    near = get_close_matches(name, names, n=3, cutoff=0.7)
    if near:
        return f"there is no such {kind}; nearest: {', '.join(map(printable, near))}."
    return f"there is no such {kind}; there are {shortened_list(map(printable, names))}."
