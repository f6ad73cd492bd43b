"""Reads YAML that may come from anyone: plain values only, and each mistake with its line."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from schemas.errors import ConfigError, printable

# `warmstart init` writes a tenth of that.
_MOST_BYTES = 100_000

# The keys of a configuration lie three deep, and no number in it has twenty digits.
_DEEPEST = 20
_LONGEST_NUMBER = 60

_LONGEST_REASON = 200


def read_yaml_file(file: Path) -> dict[str, Any]:
    """Reads a file that holds keys with values, or nothing.

    Raises:
        ConfigError: if it cannot be read, or is not such a file.
    """
    name = printable(str(file))
    text = _read(file, name)
    try:
        values = parse_yaml(text)
    except yaml.YAMLError as error:
        line, reason = _where(error, text)
        raise ConfigError(f"{name}, line {line}: {reason}; correct the YAML.") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(
            f"{name} holds a {type(values).__name__}, not keys with values; "
            "`warmstart init DIR` writes an example."
        )
    return values


def parse_yaml(text: str) -> Any:
    """Returns what YAML says.

    Raises:
        yaml.YAMLError: if it is not valid, or more than plain values.
    """
    return yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)


def _read(file: Path, name: str) -> str:
    try:
        # Reading a pipe would wait for ever, and some devices never end.
        if not stat.S_ISREG(os.stat(file).st_mode):
            kind = "a folder" if file.is_dir() else "not a regular file"
            raise ConfigError(f"Cannot read the configuration {name}: it is {kind}.")
        with file.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ConfigError(
                f"Cannot read the configuration {name}: it holds more than {_MOST_BYTES:,} bytes."
            )
        return content.decode("utf-8")
    except (OSError, ValueError) as error:
        # ValueError: not UTF-8, or a NUL byte in the name.
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(f"Cannot read the configuration {name}: {reason}.") from error


def _where(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """Returns the line of a mistake, from 1, and what it is."""
    mark = getattr(error, "problem_mark", None)
    position = getattr(error, "position", None)
    line = mark.line if mark else text.count("\n", 0, position)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "no valid YAML"
    return line + 1, printable(str(reason)[:_LONGEST_REASON])


class _Loader(yaml.SafeLoader):
    """YAML without references, which can stand for more than fits into memory, and keys twice.

    YAML 1.1 reads `1e-4` as text for want of a dot; people mean the number.
    """

    _depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Makes a node, and all below it."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _mistake("references (*name) are not read; write the value out", event)
        if self._depth >= _DEEPEST:
            raise _mistake("this is nested too deeply", event)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        """Makes the value of a node, whatever its tag claims it is."""
        is_number = node.tag in {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
        if is_number and isinstance(node, ScalarNode) and len(node.value) > _LONGEST_NUMBER:
            raise _mistake("this number is too long", node)
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # A date that there is not, or text under a tag of numbers.
            kind = node.tag.rpartition(":")[2]
            raise _mistake(f"{node.value!r:.50} is no {kind}", node) from error

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Makes keys with values."""
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, ScalarNode):
                if (key.tag, key.value) in seen:
                    raise _mistake(f"the key {key.value!r:.50} is there twice", key)
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def _mistake(what: str, place: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=what, problem_mark=place.start_mark)
