"""Reads `--param name=value` against the parameters that a compiled pipeline has."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pipelines.kubeflow_client.date_macros import has_macro
from pipelines.kubeflow_client.spec_file import Parameter, SpecFile
from schemas.errors import ConfigError, printable, shortened_list


def parsed_parameters(
    spec: SpecFile, given: Sequence[str], write_dates: Callable[[str, str], str]
) -> dict[str, Any]:
    """Returns what a run of the pipeline is started with, in the types that the pipeline has.

    Defaults are the server's business, but those with a date in them: there it looks for none.

    Args:
        spec: the pipeline.
        given: each as name=value.
        write_dates: takes where a value was given and the value, and writes the dates in it.

    Raises:
        ConfigError: if one is unknown, given twice, of another type, or missing.
    """
    texts = _by_name(spec, given)
    missing = [one.name for one in spec.parameters.values() if one.required]
    missing = [name for name in missing if name not in texts]
    if missing:
        raise ConfigError(
            f"{printable(str(spec.path))} has no value for {shortened_list(missing)}; give "
            f"--param {missing[0]}=VALUE."
        )
    values: dict[str, Any] = {
        name: one.default for name, one in spec.parameters.items() if has_macro(one.default)
    }
    values |= {name: _value(spec.parameters[name], text) for name, text in texts.items()}
    return {name: _dated(name, value, write_dates) for name, value in values.items()}


def _by_name(spec: SpecFile, given: Sequence[str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for one in given:
        name, sign, text = one.partition("=")
        if not sign:
            raise ConfigError(f"--param {printable(one)}: write it as name=value.")
        if name not in spec.parameters:
            raise ConfigError(f"--param {printable(name)}: {_unknown(spec.parameters, name)}")
        if name in texts:
            raise ConfigError(f"--param {name} is given twice.")
        texts[name] = text
    return texts


def _unknown(known: Mapping[str, Parameter], name: str) -> str:
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"the pipeline has no such parameter; nearest: {', '.join(near)}."
    if known:
        return f"the pipeline has no such parameter; there are {shortened_list(known)}."
    return "the pipeline has no parameters."


def _value(parameter: Parameter, text: str) -> Any:
    read = _READERS.get(parameter.type, str)
    try:
        return read(text)
    except ValueError:
        wanted = _WANTED[parameter.type]
        raise ConfigError(f"--param {parameter.name}={printable(text)}: give {wanted}.") from None


def _dated(name: str, value: Any, write_dates: Callable[[str, str], str]) -> Any:
    return write_dates(f"--param {name}", value) if isinstance(value, str) else value


def _whole_number(text: str) -> int:
    # Protocol buffers carry it as a float of 64 bits.
    if not -(2**53) <= int(text) <= 2**53:
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(text)
    return float(text)


def _truth(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(text)
    return text.lower() == "true"


def _json_of(kind: type) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value = json.loads(text)
        if not isinstance(value, kind):
            raise ValueError(text)
        return value

    return read


_READERS: Mapping[str, Callable[[str], Any]] = {
    "NUMBER_INTEGER": _whole_number,
    "NUMBER_DOUBLE": _number,
    "STRING": str,
    "BOOLEAN": _truth,
    "LIST": _json_of(list),
    "STRUCT": _json_of(dict),
}
_WANTED = {
    "NUMBER_INTEGER": "a whole number",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "LIST": 'a list in JSON, such as ["a", "b"]',
    "STRUCT": 'an object in JSON, such as {"a": 1}',
}
