"""The errors that a user can cause, each one sentence with what to do.

WarmstartError
├── ConfigError     a configuration file, `--set` value or argument is wrong    exit 2
├── DataError       the photos cannot be used as they are                       exit 1
├── ModelError      a model or weight file is missing, broken or of another kind  exit 1
├── MachineError    the machine lacks something, such as a driver               exit 1
├── ClusterError    Kubeflow Pipelines does not answer, or refuses              exit 1
└── PipelineError   a component failed                                          exit 1
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

# A list in a message shows this many entries; the rest is a count.
_MOST_SHOWN = 10


class WarmstartError(Exception):
    """An error whose message is meant for the user; the command line adds no traceback."""

    exit_code = 1


class ConfigError(WarmstartError):
    """A configuration file, `--set` override or argument is wrong."""

    exit_code = 2


class DataError(WarmstartError):
    """The photos cannot be used as they are."""


class ModelError(WarmstartError):
    """A model or weight file is missing, broken or of another kind."""


class MachineError(WarmstartError):
    """The machine lacks something, such as Docker or a driver."""


class ClusterError(WarmstartError):
    """Kubeflow Pipelines or Kubernetes does not answer, or refuses."""


class PipelineError(WarmstartError):
    """A component of the pipeline failed."""


def shortened_list(
    entries: Iterable[str], separator: str = ", ", *, most: int = _MOST_SHOWN
) -> str:
    """Joins at most ten entries and counts the rest, so that a message stays readable."""
    entries = list(entries)
    shown = separator.join(islice(entries, most))
    hidden = len(entries) - most
    return f"{shown}{separator}and {hidden} more" if hidden > 0 else shown


def first_line(error: BaseException) -> str:
    """Returns what the first line of an error says, or its kind if it says nothing."""
    return str(error).strip().split("\n", 1)[0].strip() or type(error).__name__


def printable(name: str) -> str:
    """Quotes a name if it holds characters that would break a one-line message."""
    return name if name.isprintable() else repr(name)


def written(number: float) -> str:
    """Writes a number for people: three digits, or all before the point."""
    return f"{number:,.0f}" if abs(number) >= 100 or number == round(number) else f"{number:.3g}"
