"""Schedules: what Kubeflow Pipelines calls recurring runs.

A schedule follows its pipeline: each run takes the version that is the newest then, so an upload is
all that a changed pipeline needs. Other changes need another recurring run, for the server can only
make, pause, resume and delete them. The new one is made paused, the former one is paused, the new
one resumed, and the former one deleted: two never start runs at the same time. Whatever breaks in
between, the same command finishes: the new one says in its description which one it replaces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kfp_server_api import (
    RecurringRunMode,
    V2beta1CronSchedule,
    V2beta1PeriodicSchedule,
    V2beta1PipelineVersionReference,
    V2beta1RecurringRun,
    V2beta1RuntimeConfig,
    V2beta1Trigger,
)

from pipelines.kubeflow_client.lookup import by_name, experiment_of, or_nearest
from pipelines.kubeflow_client.refusals import NotFoundError, UnclearError
from pipelines.kubeflow_client.runs import running_runs
from pipelines.kubeflow_client.server import Server
from pipelines.kubeflow_client.timing import Timing, written_span
from pipelines.kubeflow_client.uploads import Upload
from schemas.errors import ClusterError, ConfigError, WarmstartError, printable

_ENABLED = "ENABLED"

# How the description of a schedule begins and goes on.
_MADE = "Made by warmstart"
_REPLACES = re.compile(r"\(replaces ([0-9A-Za-z-]+)\)")


@dataclass(frozen=True)
class Wanted:
    """What a schedule should be like.

    Attributes:
        name: of it; there is one of each name.
        timing: when it starts runs.
        upload: the pipeline that it runs.
        parameters: of each run.
        max_concurrency: how many of its runs may go on at a time.
        catch_up: runs that were missed are started later, one after the other.
        experiment: that its runs belong to.
        service_account: of Kubernetes, for their pods.
    """

    name: str
    timing: Timing
    upload: Upload
    parameters: Mapping[str, Any]
    max_concurrency: int
    catch_up: bool
    experiment: str
    service_account: str


@dataclass(frozen=True)
class Schedule:
    """A schedule as the server has it.

    Attributes:
        id: that the server gave it.
        name: that people gave it.
        enabled: it starts runs.
        when: it does so, in words.
        pipeline_id: of the pipeline that it runs.
        version_id: of the version that it keeps to; None: it takes the newest.
        parameters: of each run.
        max_concurrency: how many of its runs may go on at a time.
        catch_up: runs that were missed are started later.
        created: when, in UTC.
        replaces: the id of the schedule whose place it took; that one may still be there.
    """

    id: str
    name: str
    enabled: bool
    when: str
    pipeline_id: str | None
    version_id: str | None
    parameters: Mapping[str, Any]
    max_concurrency: int
    catch_up: bool
    created: datetime | None
    replaces: str | None


@dataclass(frozen=True)
class Change:
    """What became of a schedule.

    Attributes:
        schedule: as it is now.
        what: created, replaced or unchanged.
        kept: a former one, which is paused, and has runs that go on.
    """

    schedule: Schedule
    what: str
    kept: tuple[Schedule, ...] = ()


def create_schedule(server: Server, wanted: Wanted) -> Change:
    """Makes a schedule, or changes the one of its name; a paused one stays paused.

    Raises:
        ConfigError: if the one of its name is not ours, or runs another pipeline.
        WarmstartError: if the server does not do it. What is there then is the former schedule, or
            the new one, or both with one of them paused; the same command goes on from there.
    """
    body = _body(server, wanted)
    former = _named(server, wanted.name)
    _check_ours(former, wanted)
    fitting = next((one for one in former if _fits(one, body, wanted.upload)), None)
    others = [one for one in former if one is not fitting]
    enabled = not former or any(one.status == _ENABLED for one in former) or _broken_off(former)
    if fitting and not others and (fitting.status == _ENABLED) == enabled:
        return Change(_schedule(fitting), "unchanged")

    made = fitting or _create(server, body, replaced=others if enabled else [])
    if enabled:
        _take_over(server, made, others)
    kept = [one for one in others if not _removed(server, one)]
    now = server.call(
        server.api.recurring_runs.recurring_run_service_get_recurring_run,
        recurring_run_id=made.recurring_run_id,
    )
    return Change(
        _schedule(now), "replaced" if others else "created", tuple(_schedule(one) for one in kept)
    )


def list_schedules(server: Server) -> list[Schedule]:
    """Returns all schedules, the newest first."""
    return [_schedule(one) for one in _listed(server)]


def switch_schedule(server: Server, name: str, *, on: bool) -> Schedule:
    """Resumes or pauses a schedule.

    Args:
        server: that has it.
        name: its name or id.
        on: resume it.

    Raises:
        ConfigError: if there is none, or more than one of that name.
    """
    found = find_schedule(server, name)
    _switch(server, found.id, on=on)
    return found


def delete_schedule(server: Server, name: str, *, force: bool) -> Schedule:
    """Deletes a schedule; its runs stay.

    Args:
        server: that has it.
        name: its name or id.
        force: even if a run of it goes on, which older servers end.

    Raises:
        ConfigError: if there is none, or more than one of that name.
        ClusterError: if a run of it goes on.
    """
    found = find_schedule(server, name)
    running = running_runs(server, found.id)
    if running and not force:
        raise ClusterError(
            f"Schedule {printable(found.name)} has a run that goes on, {printable(running[0].name)}"
            f"; servers before 2.16 end it with the schedule: pause the schedule until it is "
            "finished, or delete both with --force."
        )
    _delete(server, found.id)
    return found


def find_schedule(server: Server, name: str) -> Schedule:
    """Returns a schedule by its name or id.

    Raises:
        ConfigError: if there is none, or more than one of that name.
    """
    every = list_schedules(server)
    replaced = {one.replaces for one in every if one.replaces}
    found = [one for one in every if one.id == name] or [
        one for one in every if one.name == name and one.id not in replaced
    ]
    if not found:
        names = sorted({one.name for one in every})
        raise ConfigError(f"{printable(name)}: {or_nearest(name, names, 'schedule')}")
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        raise ConfigError(
            f"{printable(name)}: there are {len(found)} schedules of that name; name one by its id "
            f"({ids}), or run `warmstart kubeflow schedule create` again, which leaves one."
        )
    return found[0]


def followers(server: Server, schedule: Schedule) -> list[Schedule]:
    """Returns the other schedules that run the newest version of the same pipeline."""
    return [
        one
        for one in list_schedules(server)
        if one.pipeline_id == schedule.pipeline_id
        and not one.version_id
        and one.name != schedule.name
    ]


def _body(server: Server, wanted: Wanted) -> Any:
    timing = wanted.timing
    if timing.cron:
        trigger = V2beta1Trigger(cron_schedule=V2beta1CronSchedule(cron=timing.cron.line))
    else:
        every = V2beta1PeriodicSchedule(interval_second=str(timing.seconds))
        trigger = V2beta1Trigger(periodic_schedule=every)
    return V2beta1RecurringRun(
        display_name=wanted.name,
        experiment_id=experiment_of(server, wanted.experiment).experiment_id,
        mode=RecurringRunMode.DISABLE,
        # Without a version it takes the newest one at each run.
        pipeline_version_reference=V2beta1PipelineVersionReference(
            pipeline_id=wanted.upload.pipeline_id
        ),
        runtime_config=V2beta1RuntimeConfig(parameters=dict(wanted.parameters)),
        trigger=trigger,
        max_concurrency=str(wanted.max_concurrency),
        no_catchup=not wanted.catch_up,
        service_account=wanted.service_account,
    )


def _check_ours(former: list[Any], wanted: Wanted) -> None:
    """Checks that no schedule is taken away that somebody else made, or made for something else."""
    for one in former:
        reference = one.pipeline_version_reference
        if not (one.description or "").startswith(_MADE):
            why = "was not made by warmstart"
        elif not reference or reference.pipeline_id != wanted.upload.pipeline_id:
            why = f"runs another pipeline than {printable(wanted.upload.pipeline)}"
        else:
            continue
        raise ConfigError(
            f"--name {printable(wanted.name)}: the schedule of that name {why}; give another name, "
            f"or delete that one ({one.recurring_run_id})."
        )


def _create(server: Server, body: Any, *, replaced: list[Any]) -> Any:
    body.description = _MADE + "".join(f" (replaces {one.recurring_run_id})" for one in replaced)
    before = {one.recurring_run_id for one in _named(server, body.display_name)}
    try:
        return server.call(
            server.api.recurring_runs.recurring_run_service_create_recurring_run,
            creates=True,
            recurring_run=body,
        )
    except UnclearError:
        for one in _named(server, body.display_name):
            if one.recurring_run_id not in before:
                return one
        raise


def _fits(one: Any, body: Any, upload: Upload) -> bool:
    """Tells whether a schedule is as it should be, apart from being paused."""
    # Servers before 2.5 keep to the version that was the newest when the schedule was made.
    kept_to = one.pipeline_version_reference.pipeline_version_id
    return kept_to in {None, "", upload.version_id} and _comparable(one) == _comparable(body)


def _comparable(one: Any) -> tuple[object, ...]:
    return (
        one.experiment_id,
        _when(one.trigger),
        int(one.max_concurrency or 1),
        bool(one.no_catchup),
        one.service_account,
        _parameters(one),
    )


def _take_over(server: Server, made: Any, others: list[Any]) -> None:
    """Pauses the former schedules and resumes the new one, or leaves all as they were."""
    went_on = [one for one in others if one.status == _ENABLED]
    try:
        for one in went_on:
            _switch(server, one.recurring_run_id, on=False)
        _switch(server, made.recurring_run_id, on=True)
    except BaseException as error:
        with suppress(WarmstartError):
            # Whether the new one was resumed is not known: it must not go on beside the former.
            _switch(server, made.recurring_run_id, on=False)
            for one in went_on[:1]:
                _switch(server, one.recurring_run_id, on=True)
        if isinstance(error, WarmstartError):
            raise ClusterError(
                f"Schedule {printable(made.display_name)} could not be changed, and the same "
                f"command goes on from here: {error}"
            ) from error
        raise


def _broken_off(former: list[Any]) -> bool:
    """Tells whether a replacement was broken off while both schedules were paused."""
    ids = {one.recurring_run_id for one in former}
    return any(ids & set(_REPLACES.findall(one.description or "")) for one in former)


def _switch(server: Server, schedule_id: str, *, on: bool) -> None:
    service = server.api.recurring_runs
    method = (
        service.recurring_run_service_enable_recurring_run
        if on
        else service.recurring_run_service_disable_recurring_run
    )
    server.call(method, recurring_run_id=schedule_id)


def _removed(server: Server, one: Any) -> bool:
    """Deletes a former schedule, unless a run of it goes on: older servers would end that."""
    if running_runs(server, one.recurring_run_id):
        return False
    _delete(server, one.recurring_run_id)
    return True


def _delete(server: Server, schedule_id: str) -> None:
    try:
        server.call(
            server.api.recurring_runs.recurring_run_service_delete_recurring_run,
            recurring_run_id=schedule_id,
            # Otherwise Kubernetes removes the pods of its runs as well, and with them their logs.
            propagation_policy="ORPHAN",
        )
    except NotFoundError:
        return  # It is gone, which is what was wanted.


def _named(server: Server, name: str) -> list[Any]:
    return _listed(server, filter=by_name(name))


def _listed(server: Server, **arguments: str) -> list[Any]:
    return list(
        server.listed(
            server.api.recurring_runs.recurring_run_service_list_recurring_runs,
            "recurring_runs",
            sort_by="created_at desc",
            namespace=server.namespace,
            **arguments,
        )
    )


def _schedule(one: Any) -> Schedule:
    reference = one.pipeline_version_reference
    return Schedule(
        id=one.recurring_run_id,
        name=one.display_name,
        enabled=one.status == _ENABLED,
        when=_when(one.trigger),
        pipeline_id=reference.pipeline_id if reference else None,
        version_id=(reference.pipeline_version_id or None) if reference else None,
        parameters=_parameters(one),
        max_concurrency=int(one.max_concurrency or 1),
        catch_up=not one.no_catchup,
        created=one.created_at,
        replaces=next(iter(_REPLACES.findall(one.description or "")), None),
    )


def _parameters(one: Any) -> dict[str, Any]:
    return dict((one.runtime_config.parameters if one.runtime_config else None) or {})


def _when(trigger: Any) -> str:
    if trigger and trigger.cron_schedule and trigger.cron_schedule.cron:
        return f"at '{trigger.cron_schedule.cron}'"
    periodic = trigger.periodic_schedule if trigger else None
    return f"every {written_span(int(periodic.interval_second or 0))}" if periodic else "never"
