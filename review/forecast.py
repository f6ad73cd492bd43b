"""A run that has not begun, in the form of one that has: so it is explained in the same words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from review.records import CACHED, EXECUTED, Execution, Run, RunHead, Value
from schemas import run_record

# Ids of what is not in the store yet: later than any that is.
_NOT_YET = 1 << 62

_NO_RUN = "the next run"


@dataclass(frozen=True)
class Forecast:
    """What is to become of one component.

    Attributes:
        node: id of the component.
        component: its class, with the module.
        runs: whether it runs, rather than being reused or only looking something up.
        properties: with which it is called.
        executor: its class and settings, as they are recorded, or empty.
        inputs: for each input the output that it is: id of the component that makes it, and name.
        found: ids of the artifacts that are there, by output: reused or looked up.
        made: names of the outputs that it makes anew.
    """

    node: str
    component: str
    runs: bool
    properties: Mapping[str, Value]
    executor: str
    inputs: Mapping[str, Sequence[tuple[str, str]]]
    found: Mapping[str, tuple[int, ...]]
    made: tuple[str, ...]


def is_to_be_made(artifact: int) -> bool:
    """Tells whether an id is that of an artifact which only the next run will make."""
    return artifact >= _NOT_YET


def forecast_run(pipeline: str, forecasts: Iterable[Forecast]) -> Run:
    """Returns the run as it would be recorded.

    Args:
        pipeline: its name.
        forecasts: of the components, in their order.
    """
    now = datetime.now(UTC)
    ids = count(_NOT_YET)
    outputs: dict[tuple[str, str], tuple[int, ...]] = {}
    executions = []
    for one in forecasts:
        own = {name: (next(ids),) for name in one.made} if one.runs else dict(one.found)
        outputs |= {(one.node, name): found for name, found in own.items()}
        executions.append(
            Execution(
                id=next(ids),
                node=one.node,
                component=one.component,
                run=_NO_RUN,
                pipeline=pipeline,
                cache_key=None,
                state=EXECUTED if one.runs else CACHED,
                started=now,
                seconds=None,
                inputs={
                    name: tuple(n for maker in makers for n in outputs.get(maker, ()))
                    for name, makers in one.inputs.items()
                },
                outputs=own,
                properties=one.properties,
                record={run_record.EXECUTOR: one.executor} if one.executor else {},
            )
        )
    return Run(RunHead(next(ids), _NO_RUN, now), tuple(executions))
