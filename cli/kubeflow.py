"""`warmstart kubeflow`: runs compiled pipelines on Kubeflow Pipelines, now or on a schedule."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli import kubeflow_schedule
from cli.errors import Debug, reported
from cli.kubeflow_access import CaFile, CookiesFile, Host, KubeContext, Namespace, TokenFile
from cli.kubeflow_options import Experiment, Parameters, ServiceAccount, SpecPath
from cli.options import AsJsonList

if TYPE_CHECKING:
    from pipelines.kubeflow_client.run_facts import RunFacts
    from pipelines.kubeflow_client.server import Server

app = typer.Typer(
    help="Run compiled pipelines on Kubeflow Pipelines, now or on a schedule.",
    no_args_is_help=True,
)
app.add_typer(kubeflow_schedule.app, name="schedule")


@app.callback()
def kubeflow() -> None:
    """Run compiled pipelines on Kubeflow Pipelines, now or on a schedule."""


@app.command("submit")
def submit(
    file: SpecPath,
    parameters: Parameters = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="Of the run.", show_default="pipeline and time"
        ),
    ] = None,
    experiment: Experiment = "warmstart",
    service_account: ServiceAccount = "warmstart-runner",
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Until it is finished: exit 0 it succeeded, 1 it did not."),
    ] = False,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="SPAN", help="To wait at most, such as 2h."),
    ] = None,
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    cookies_file: CookiesFile = None,
    ca_file: CaFile = None,
    kube_context: KubeContext = None,
    debug: Debug = False,
) -> None:
    """Start a run of a pipeline that `warmstart pipeline compile` wrote.

    [[CurrentTime.%Y-%m-%d]] in a parameter becomes the date of now, in UTC.
    """
    from datetime import UTC, datetime
    from functools import partial

    from cli.kubeflow_access import connected
    from pipelines.kubeflow_client.access import Access
    from pipelines.kubeflow_client.arguments import parsed_parameters
    from pipelines.kubeflow_client.date_macros import filled_in
    from pipelines.kubeflow_client.spec_file import read_spec_file
    from pipelines.kubeflow_client.timing import parsed_timeout
    from schemas.errors import ConfigError, printable

    with reported(debug):
        if timeout and not wait:
            raise ConfigError("--timeout is for --wait; give both, or none.")
        seconds = parsed_timeout(timeout)
        spec = read_spec_file(file)
        now = datetime.now(UTC)
        values = parsed_parameters(spec, parameters or [], partial(filled_in, now=now))
        server = connected(Access(host, namespace, token_file, cookies_file, ca_file, kube_context))
        from pipelines.kubeflow_client.runs import submit as submit_run

        run = submit_run(
            server,
            spec,
            values,
            name=name or f"{spec.name}-{now:%Y%m%d-%H%M%S-%f}"[:-3],
            experiment=experiment,
            service_account=service_account,
        )
        typer.echo(f"Submitted run {printable(run.name)}, id {run.id}")
        if server.page:
            typer.echo(f"  {server.page}/#/runs/details/{run.id}", err=True)
        if wait:
            _wait(server, run, seconds)


@app.command("runs")
def runs(
    experiment: Annotated[
        str | None,
        typer.Option("--experiment", metavar="NAME", help="Only its runs.", show_default="all"),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=10_000, help="Of the runs, the newest.")
    ] = 20,
    as_json: AsJsonList = False,
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    cookies_file: CookiesFile = None,
    ca_file: CaFile = None,
    kube_context: KubeContext = None,
    debug: Debug = False,
) -> None:
    """List runs, the newest first: state, name, start, how long they took."""
    from cli.kubeflow_access import connected
    from cli.kubeflow_text import print_json, print_runs, run_as_json
    from pipelines.kubeflow_client.access import Access

    with reported(debug):
        server = connected(Access(host, namespace, token_file, cookies_file, ca_file, kube_context))
        from pipelines.kubeflow_client.runs import list_runs

        found = list_runs(server, experiment=experiment, limit=limit)
        if as_json:
            print_json([run_as_json(run) for run in found])
        else:
            print_runs(found)


@app.command("logs")
def logs(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its id, or its name.")],
    task: Annotated[
        str | None,
        typer.Option(
            "--task", metavar="NAME", help="Such as Trainer.", show_default="all, in order"
        ),
    ] = None,
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    cookies_file: CookiesFile = None,
    ca_file: CaFile = None,
    kube_context: KubeContext = None,
    debug: Debug = False,
) -> None:
    """Show the states of a run's tasks, and print what they logged.

    Kubeflow Pipelines hands out no logs: they are read from Kubernetes, for as long as the pods are
    there, with the rights of your kubeconfig.
    """
    from cli.kubeflow_access import connected
    from cli.kubeflow_text import print_tasks
    from pipelines.kubeflow_client.access import Access

    with reported(debug):
        server = connected(Access(host, namespace, token_file, cookies_file, ca_file, kube_context))
        from pipelines.kubeflow_client.lookup import find_run
        from pipelines.kubeflow_client.pod_logs import Pods, chosen_pods
        from pipelines.kubeflow_client.run_facts import run_facts

        found = run_facts(find_run(server, run))
        print_tasks(found)
        pods = Pods(namespace or server.namespace or "kubeflow", kube_context)
        chosen = chosen_pods(pods.of_run(found.id), task)
        for pod in chosen:
            if len(chosen) > 1:
                again = f", attempt {pod.attempt + 1}" if pod.attempt else ""
                typer.echo(f"== {pod.task}{again}", err=True)
            for block in pods.log(pod):
                sys.stdout.buffer.write(block)
            sys.stdout.flush()


def _wait(server: Server, run: RunFacts, seconds: int | None) -> None:
    from cli.kubeflow_text import print_task, print_time
    from pipelines.kubeflow_client.following import check_succeeded, follow

    try:
        finished = follow(server, run.id, timeout=seconds, on_task=print_task)
    except KeyboardInterrupt:
        typer.echo("The run goes on; `warmstart kubeflow runs` shows its state.", err=True)
        raise
    check_succeeded(finished)
    print_time(finished)
