"""Compares properties, which TFX keeps as text that may be JSON or YAML, key by key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from review.records import Value

# What only holds the keys that people know.
_WRAPPERS = ("custom_config.", "config.", "configuration.")

_MOST_SHOWN = 60

# Of YAML: C code has no stack for more.
_MOST_NESTED = 100


@dataclass(frozen=True)
class Difference:
    """A key whose value differs.

    Attributes:
        key: with dots between its parts.
        old: its value before, or None if there was no such key.
        new: its value after, or None.
    """

    key: str
    old: Value | None
    new: Value | None

    @property
    def sentence(self) -> str:
        """Says what changed, as a clause."""
        if self.old is None:
            return f"{self.key} is new, {shown(self.new)}"
        if self.new is None:
            return f"{self.key} is gone, it was {shown(self.old)}"
        old, new = shown(self.old), shown(self.new)
        return f"{self.key} changed" if old == new else f"{self.key} changed from {old} to {new}"


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Returns what differs between two sets of properties, in the order of the keys."""
    before, after = flat(old), flat(new)
    return [
        Difference(key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def flat(properties: Mapping[str, Any]) -> dict[str, Value]:
    """Returns the leaves of properties; text that is a JSON or YAML object is opened."""
    found: dict[str, Value] = {}
    for name, value in properties.items():
        for key, leaf in _leaves(name, _opened(value)):
            found[_named(key)] = leaf
    return found


def shown(value: Value | None) -> str:
    """Writes a value for people, in one line, shortened."""
    if isinstance(value, float):
        return f"{value:g}"
    text = " ".join(str(value).split())
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _opened(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        if value.startswith(("{", "[")):
            return json.loads(value)
        if "\n" in value:
            opened = _yaml(value)
            return opened if isinstance(opened, dict) else value
    except (AttributeError, LookupError, RecursionError, ValueError, yaml.YAMLError):
        pass
    return value


# The same configuration stands on a run and on components, and is compared again and again.
@lru_cache(maxsize=128)
def _yaml(text: str) -> Any:
    """Reads YAML as C does, in a fifth of the time; what it returns is not to be changed.

    Raises:
        yaml.YAMLError: if it is none, refers to itself, or is nested too deeply: a page of such
            stands for more than memory holds.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > _MOST_NESTED:
            raise yaml.YAMLError("It refers to another part of itself, or is nested too deeply.")
    return yaml.load(text, Loader=yaml.CSafeLoader)


def _leaves(key: str, value: Any) -> list[tuple[str, Value]]:
    if isinstance(value, dict) and value:
        return [leaf for name, part in value.items() for leaf in _leaves(f"{key}.{name}", part)]
    if isinstance(value, (dict, list)):
        return [(key, _as_text(value))]
    return [(key, value if isinstance(value, (str, int, float)) else _as_text(value))]


def _as_text(value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        return str(value)  # YAML has keys of several types, which have no order.


def _named(key: str) -> str:
    wrapper = next((wrapper for wrapper in _WRAPPERS if key.startswith(wrapper)), "")
    return key.removeprefix(wrapper)
