"""Reads a cron line as the server of Kubeflow Pipelines does: six fields, the seconds first.

The server takes robfig/cron 1.2 (its `spec.go` and `parser.go`), which reads five fields without a
word, but as second to month: `0 3 * * *` would run at three minutes past every hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from schemas.errors import ConfigError, printable

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

# What crontab writes in one word, as the server's six fields say it.
_WORDS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
_WANTED = "second minute hour day-of-month month day-of-week"

# Years that are looked through for the next time: 29 February may be eight years away.
_DAYS_AHEAD = 366 * 9


@dataclass(frozen=True)
class _Field:
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 6, _DAYS),
)


@dataclass(frozen=True)
class Cron:
    """A cron line that the server understands.

    Attributes:
        line: with one blank between fields.
        seconds, minutes, hours, days, months, weekdays: when it is due; Sunday is 0.
        any_day: day of month or day of week is free, so that both must fit; otherwise either may.
    """

    line: str
    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool

    def next_times(self, after: datetime, count: int) -> list[datetime]:
        """Returns the next times in UTC; fewer, if there are not as many in nine years.

        Args:
            after: a time in UTC.
            count: how many.
        """
        return list(islice(self._times(after), count))

    def _times(self, after: datetime) -> Iterator[datetime]:
        begin = datetime(after.year, after.month, after.day, tzinfo=UTC)
        for offset in range(_DAYS_AHEAD):
            day = begin + timedelta(days=offset)
            if day.month not in self.months or not self._fits(day):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    for second in sorted(self.seconds):
                        time = day.replace(hour=hour, minute=minute, second=second)
                        if time > after:
                            yield time

    def _fits(self, day: datetime) -> bool:
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (of_month and of_week) if self.any_day else (of_month or of_week)


def parsed_cron(text: str) -> Cron:
    """Reads `--cron`.

    Raises:
        ConfigError: if it has not six fields, or one of them is not understood; with the line that
            was probably meant.
    """
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ConfigError(f"--cron {text!r}: {_other_than_six(fields)}")
    seconds, minutes, hours, days, months, weekdays = (
        _values(text, part, field) for part, field in zip(fields, _FIELDS, strict=True)
    )
    cron = Cron(
        " ".join(fields),
        seconds,
        minutes,
        hours,
        days,
        months,
        weekdays,
        any_day=_is_free(fields[3]) or _is_free(fields[5]),
    )
    if not cron.next_times(datetime.now(UTC), 1):
        raise ConfigError(f"--cron {text!r}: there is no such day.")
    return cron


def _other_than_six(fields: list[str]) -> str:
    if len(fields) == 1 and fields[0].lower() in _WORDS:
        return f"write it in six fields ({_WANTED}): '{_WORDS[fields[0].lower()]}'."
    if len(fields) == 5:
        return (
            f"Kubeflow Pipelines reads six fields ({_WANTED}) and would take these five for other "
            f"ones than crontab does; write '0 {' '.join(fields)}'."
        )
    if len(fields) == 7:
        return (
            f"Kubeflow Pipelines reads six fields ({_WANTED}), without a year; write "
            f"'{' '.join(fields[:6])}'."
        )
    return f"Kubeflow Pipelines reads six fields ({_WANTED}), such as '0 0 3 * * *'."


def _is_free(field: str) -> bool:
    return any(part.split("/")[0] in {"*", "?"} for part in field.split(","))


def _values(line: str, text: str, field: _Field) -> frozenset[int]:
    """Returns what a field stands for: a list of ranges, each with or without a step."""
    values: set[int] = set()
    for part in text.split(","):
        try:
            values |= set(_range(part, field))
        except ValueError:
            raise ConfigError(
                f"--cron {line!r}: {printable(part)} is no {field.name}, which is * or "
                f"{field.lowest} to {field.highest}{_or_names(field)}, such as "
                f"{field.lowest}-{field.highest}/2."
            ) from None
    return frozenset(values)


def _range(part: str, field: _Field) -> range:
    span, *steps = part.split("/")
    step = _number(steps[0]) if steps else 1
    if len(steps) > 1 or step < 1:
        raise ValueError(part)
    if span in {"*", "?"}:
        return range(field.lowest, field.highest + 1, step)
    low, *ends = span.split("-")
    first = _named(low, field)
    # As in crontab, 5/10 goes on to the highest value.
    last = _named(ends[0], field) if ends else field.highest if steps else first
    if len(ends) > 1 or not field.lowest <= first <= last <= field.highest:
        raise ValueError(part)
    return range(first, last + 1, step)


def _named(text: str, field: _Field) -> int:
    if text.upper() in field.names:
        return field.names.index(text.upper()) + field.lowest
    return _number(text)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(text)
    return int(text)


def _or_names(field: _Field) -> str:
    return f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
