"""Finds the run that a person means: by a part of its id, or as the latest one of a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from review.history import History
from review.records import Run, RunHead
from review.results import RunResults, results_of
from review.store import Output, no_run
from schemas.errors import ConfigError, printable, shortened_list

LATEST = "latest"
LATEST_BLESSED = "latest-blessed"
LATEST_PUSHED = "latest-pushed"

_KINDS: dict[str, Callable[[RunResults], bool]] = {
    LATEST_BLESSED: lambda results: results.blessed is True,
    LATEST_PUSHED: lambda results: results.pushed_to is not None,
}

# Runs that are read at once while the latest of a kind is looked for.
_BATCH = 20


def chosen_run(history: History, text: str, output: Output) -> Run:
    """Returns the run that is meant.

    Args:
        history: of the store.
        text: its id, the beginning or the end of it, `latest`, `latest-blessed` or
            `latest-pushed`.
        output: the folder, to name in errors.

    Raises:
        ConfigError: if there is no run, none like this, or more than one.
    """
    heads = history.runs()
    if not heads:
        raise no_run(output)
    if text == LATEST:
        return history.read(heads[:1])[0]
    if text in _KINDS:
        return _latest(history, heads, text, output)
    return history.read([_named(heads, text, output)])[0]


def _latest(history: History, heads: Sequence[RunHead], kind: str, output: Output) -> Run:
    for run in _in_batches(history, heads):
        if _KINDS[kind](results_of(history, [run])[0]):
            return run
    what = kind.partition("-")[2]
    raise ConfigError(
        f"{kind}: no run in {output.root} has a model that was {what}; `warmstart runs list` "
        "shows them."
    )


def _in_batches(history: History, heads: Sequence[RunHead]) -> Iterator[Run]:
    for start in range(0, len(heads), _BATCH):
        yield from history.read(heads[start : start + _BATCH])


def _named(heads: Sequence[RunHead], text: str, output: Output) -> RunHead:
    exact = [head for head in heads if head.name == text]
    like = exact or [
        h for h in heads if text and (h.name.startswith(text) or h.name.endswith(text))
    ]
    if len(like) == 1:
        return like[0]
    if like:
        raise ConfigError(
            f"Run {printable(text)} can be {shortened_list(head.name for head in like)}; write "
            "more of it."
        )
    raise ConfigError(
        f"Run {printable(text)}: {output.root} holds no such run; the newest are "
        f"{shortened_list(head.name for head in heads)}."
    )
