"""`warmstart kubeflow schedule`: runs of a pipeline that start by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import Debug, reported
from cli.kubeflow_access import CaFile, CookiesFile, Host, KubeContext, Namespace, TokenFile
from cli.kubeflow_options import Experiment, Parameters, ServiceAccount, SpecPath
from cli.options import AsJsonList

if TYPE_CHECKING:
    from pipelines.kubeflow_client.access import Access
    from pipelines.kubeflow_client.schedules import Change
    from pipelines.kubeflow_client.server import Server
    from pipelines.kubeflow_client.timing import Timing
    from pipelines.kubeflow_client.uploads import Upload

app = typer.Typer(help="Start runs by themselves, at times that you set.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the schedule, or its id.")]


@app.callback()
def schedule() -> None:
    """Start runs by themselves, at times that you set."""


@app.command("create")
def create(
    file: SpecPath,
    name: Annotated[
        str,
        typer.Option("--name", metavar="NAME", help="Of the schedule; one of a name is changed."),
    ],
    cron: Annotated[
        str | None,
        typer.Option(
            "--cron",
            metavar="LINE",
            help="Second minute hour day-of-month month day-of-week, such as '0 0 3 * * *'.",
        ),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option("--every", metavar="SPAN", help="Instead, from now on, such as 24h."),
    ] = None,
    time_zone: Annotated[
        str,
        typer.Option(
            "--time-zone", metavar="UTC", help="That of the installation, which alone there is."
        ),
    ] = "UTC",
    parameters: Parameters = None,
    max_concurrency: Annotated[
        int, typer.Option("--max-concurrency", min=1, max=10, help="Runs that go on at a time.")
    ] = 1,
    catch_up: Annotated[
        bool,
        typer.Option("--catch-up", help="Start each run that was missed, not the latest only."),
    ] = False,
    pipeline: Annotated[
        str | None,
        typer.Option(
            "--pipeline",
            metavar="NAME",
            help="To upload it as.",
            show_default="the name in FILE.yaml",
        ),
    ] = None,
    experiment: Experiment = "warmstart",
    service_account: ServiceAccount = "warmstart-runner",
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    cookies_file: CookiesFile = None,
    ca_file: CaFile = None,
    kube_context: KubeContext = None,
    debug: Debug = False,
) -> None:
    """Upload a compiled pipeline, and make or change the schedule that runs it.

    The schedule takes the newest version that was uploaded, so that a changed pipeline needs this
    command again and nothing else. [[CurrentTime.%Y-%m-%d]] in a parameter becomes the date of the
    run, in UTC, from Kubeflow Pipelines 2.16 on.
    """
    from cli.kubeflow_access import connected
    from pipelines.kubeflow_client.access import Access
    from pipelines.kubeflow_client.arguments import parsed_parameters
    from pipelines.kubeflow_client.date_macros import for_server
    from pipelines.kubeflow_client.spec_file import read_spec_file
    from pipelines.kubeflow_client.timing import parsed_timing

    with reported(debug):
        timing = parsed_timing(cron, every, time_zone=time_zone)
        spec = read_spec_file(file)
        values = parsed_parameters(spec, parameters or [], for_server)
        server = connected(Access(host, namespace, token_file, cookies_file, ca_file, kube_context))
        from pipelines.kubeflow_client.schedules import Wanted, create_schedule
        from pipelines.kubeflow_client.uploads import upload

        uploaded = upload(server, spec, name=pipeline)
        wanted = Wanted(
            name=name,
            timing=timing,
            upload=uploaded,
            parameters=values,
            max_concurrency=max_concurrency,
            catch_up=catch_up,
            experiment=experiment,
            service_account=service_account,
        )
        _print_change(server, create_schedule(server, wanted), uploaded, timing)


@app.command("list")
def list_(
    as_json: AsJsonList = False,
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    cookies_file: CookiesFile = None,
    ca_file: CaFile = None,
    kube_context: KubeContext = None,
    debug: Debug = False,
) -> None:
    """List the schedules, the newest first."""
    from cli.kubeflow_access import connected
    from cli.kubeflow_text import print_json, print_schedules, schedule_as_json
    from pipelines.kubeflow_client.access import Access

    with reported(debug):
        server = connected(Access(host, namespace, token_file, cookies_file, ca_file, kube_context))
        from pipelines.kubeflow_client.schedules import list_schedules

        found = list_schedules(server)
        if as_json:
            print_json([schedule_as_json(one) for one in found])
        else:
            print_schedules(found)


@app.command("pause")
def pause(
    name: _Name,
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    cookies_file: CookiesFile = None,
    ca_file: CaFile = None,
    kube_context: KubeContext = None,
    debug: Debug = False,
) -> None:
    """Start no further runs until it is resumed; those that go on do so."""
    from pipelines.kubeflow_client.access import Access

    access = Access(host, namespace, token_file, cookies_file, ca_file, kube_context)
    with reported(debug):
        typer.echo(f"Schedule {_switched(access, name, on=False)} is paused.")


@app.command("resume")
def resume(
    name: _Name,
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    cookies_file: CookiesFile = None,
    ca_file: CaFile = None,
    kube_context: KubeContext = None,
    debug: Debug = False,
) -> None:
    """Go on with a schedule that was paused."""
    from pipelines.kubeflow_client.access import Access

    access = Access(host, namespace, token_file, cookies_file, ca_file, kube_context)
    with reported(debug):
        typer.echo(f"Schedule {_switched(access, name, on=True)} starts runs again.")


@app.command("delete")
def delete(
    name: _Name,
    force: Annotated[
        bool, typer.Option("--force", help="Even if a run of it goes on, which may end with it.")
    ] = False,
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    cookies_file: CookiesFile = None,
    ca_file: CaFile = None,
    kube_context: KubeContext = None,
    debug: Debug = False,
) -> None:
    """Delete a schedule; its runs, and the pipeline that was uploaded, stay."""
    from cli.kubeflow_access import connected
    from pipelines.kubeflow_client.access import Access
    from schemas.errors import printable

    with reported(debug):
        server = connected(Access(host, namespace, token_file, cookies_file, ca_file, kube_context))
        from pipelines.kubeflow_client.schedules import delete_schedule

        found = delete_schedule(server, name, force=force)
        typer.echo(f"Schedule {printable(found.name)} was deleted.")


def _switched(access: Access, name: str, *, on: bool) -> str:
    from cli.kubeflow_access import connected
    from schemas.errors import printable

    server = connected(access)
    from pipelines.kubeflow_client.schedules import switch_schedule

    return printable(switch_schedule(server, name, on=on).name)


def _print_change(server: Server, change: Change, uploaded: Upload, timing: Timing) -> None:
    """Says what was done, what the schedule runs, and when."""
    from pipelines.kubeflow_client.schedules import followers
    from schemas.errors import printable, shortened_list

    now = change.schedule
    what = {"unchanged": "is as it should be", "created": "was created"}.get(change.what)
    typer.echo(f"Schedule {printable(now.name)} {what or 'was replaced by the new one'}.")
    new = "uploaded now" if uploaded.is_new else "uploaded before"
    typer.echo(f"  runs    the newest version of {uploaded.pipeline}: {uploaded.version}, {new}")
    typer.echo(f"  starts  {timing}, in the time zone of the installation (UTC unless changed)")
    if not now.enabled:
        typer.echo(f"  paused  `warmstart kubeflow schedule resume {now.name}` goes on")
    else:
        times = ", ".join(f"{time:%Y-%m-%d %H:%M:%S}" for time in timing.next_times(3))
        typer.echo(f"  next    {times}")
    others = followers(server, now)
    if uploaded.is_new and others:
        names = shortened_list(printable(one.name) for one in others)
        typer.echo(
            f"  note    {names} runs that version from now on, too; --pipeline NAME keeps "
            "schedules apart"
        )
    for one in change.kept:
        typer.echo(
            f"  note    the former schedule {one.id} has a run that goes on, and stays paused; the "
            "same command removes it later"
        )
