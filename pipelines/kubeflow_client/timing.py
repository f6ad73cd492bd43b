"""When a schedule starts runs: `--cron` or `--every`, and in which time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.kubeflow_client.cron import Cron, parsed_cron
from schemas.errors import ConfigError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

# A run takes minutes; what comes more often is a slip, such as a forgotten unit.
_SHORTEST = 60

# The names of the one time zone that a schedule can be sure of.
_UTC = {"UTC", "ETC/UTC", "GMT", "Z"}


@dataclass(frozen=True)
class Timing:
    """When runs start: by a cron line, or so many seconds after one another."""

    cron: Cron | None
    seconds: int | None

    def __str__(self) -> str:
        """Says it in a few words."""
        return f"at '{self.cron.line}'" if self.cron else f"every {written_span(self.seconds or 0)}"

    def next_times(self, count: int) -> list[datetime]:
        """Returns when runs of a schedule that is created now start, in UTC."""
        now = datetime.now(UTC)
        if self.cron:
            return self.cron.next_times(now, count)
        step = timedelta(seconds=self.seconds or 0)
        return [now.replace(microsecond=0) + step * (i + 1) for i in range(count)]


def parsed_timing(cron: str | None, every: str | None, *, time_zone: str) -> Timing:
    """Reads `--cron`, `--every` and `--time-zone`.

    Raises:
        ConfigError: if not exactly one of the first two is given, or one is not understood.
    """
    if (cron is None) == (every is None):
        raise ConfigError(
            "Give either --cron, such as --cron '0 0 3 * * *', or --every, such as --every 24h."
        )
    if time_zone.upper() not in _UTC:
        raise ConfigError(
            f"--time-zone {time_zone!r}: a schedule of Kubeflow Pipelines has no time zone of its "
            "own, all are in that of the installation, which is UTC unless cronScheduleTimezone in "
            "its config map pipeline-install-config says otherwise; write --cron in that one and "
            "leave --time-zone out."
        )
    return Timing(parsed_cron(cron) if cron else None, _parsed_span("--every", every))


def parsed_timeout(text: str | None) -> int | None:
    """Reads `--timeout`, in seconds."""
    return _parsed_span("--timeout", text, least=1)


def written_span(seconds: float) -> str:
    """Writes a span of time as `--every` takes it, such as 1h 30m."""
    left = round(seconds)
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def _parsed_span(option: str, text: str | None, *, least: int = _SHORTEST) -> int | None:
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,9})([smhdw])", text.strip())
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if seconds < least:
        raise ConfigError(
            f"{option} {text!r}: give a whole number of {least} s or more with its unit (s, m, h, "
            "d or w), such as 24h."
        )
    return seconds
