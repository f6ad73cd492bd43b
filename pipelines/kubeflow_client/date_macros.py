"""Dates in parameters, such as `/data/[[CurrentTime.%Y-%m-%d]]`.

What the server makes of them was read in its sources (`parameter_formatter.go`, `v2_template.go`,
the scheduled workflow's `controller.go`): from 2.16 on it puts `[[CurrentTime]]` and
`[[CurrentTime.LAYOUT]]` in, in UTC and as Go writes layouts, where a schedule follows a pipeline.
`[[ScheduledTime]]` and `[[Index]]`, which version 1 had, are left as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from schemas.errors import ConfigError

_MACRO = re.compile(r"\[\[(.*?)\]\]")
_NAME = "CurrentTime"
_DEFAULT = "%Y%m%d%H%M%S"

# Go writes a layout as this very moment: 2 January 2006, 15:04:05.
_GO = {"Y": "2006", "m": "01", "d": "02", "H": "15", "M": "04", "S": "05", "y": "06", "j": "002"}
_CODES = {layout: code for code, layout in _GO.items()}

# Neither Go nor strftime reads these as anything but themselves.
_PLAIN = r"[-_/.: ]"
_STRFTIME = re.compile(rf"(?:%[YmdHMSyj]|{_PLAIN})+")
_LAYOUT = re.compile(rf"(?:002|2006|01|02|15|04|05|06|{_PLAIN})+")
_PART = re.compile("002|2006|01|02|15|04|05|06")
_HOW = (
    "the time at which a run starts is [[CurrentTime]], or [[CurrentTime.%Y-%m-%d]] with "
    "%Y %m %d %H %M %S %y or %j"
)


def has_macro(value: object) -> bool:
    """Tells whether a parameter's value holds something in double brackets."""
    return isinstance(value, str) and bool(_MACRO.search(value))


def for_server(option: str, value: str) -> str:
    """Writes the dates in a value as the server of Kubeflow Pipelines reads them.

    Args:
        option: where the value was given, for the message.
        value: with or without dates.

    Raises:
        ConfigError: if something else stands in double brackets, which the server would leave.
    """
    return _replaced(
        option,
        value,
        lambda form: f"[[{_NAME}.{_go_layout(form)}]]" if form else f"[[{_NAME}]]",
    )


def filled_in(option: str, value: str, now: datetime) -> str:
    """Puts a time into a value, as the server does for the runs of a schedule.

    Args:
        option: where the value was given, for the message.
        value: with or without dates.
        now: in UTC.

    Raises:
        ConfigError: if something else stands in double brackets.
    """
    return _replaced(option, value, lambda form: now.strftime(form or _DEFAULT))


def _replaced(option: str, value: str, write: Callable[[str], str]) -> str:
    """Replaces each macro by what is made of its form in strftime's codes; "" is none."""
    return _MACRO.sub(lambda found: write(_form(option, found)), value)


def _form(option: str, found: re.Match[str]) -> str:
    name, dot, form = found[1].partition(".")
    if name in {"ScheduledTime", "Index", "RunUUID"}:
        raise ConfigError(f"{option}: {found[0]} is not known to Kubeflow Pipelines 2; {_HOW}.")
    if name != _NAME or (dot and not form):
        raise ConfigError(f"{option}: {found[0]} is not understood; {_HOW}.")
    if not form or _STRFTIME.fullmatch(form):
        return form
    if not _LAYOUT.fullmatch(form):
        raise ConfigError(f"{option}: the form of {found[0]} is not understood; {_HOW}.")
    return _PART.sub(lambda part: f"%{_CODES[part[0]]}", form)


def _go_layout(form: str) -> str:
    return re.sub("%(.)", lambda code: _GO[code[1]], form)
