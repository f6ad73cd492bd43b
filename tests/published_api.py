"""Checks HTTP requests and answers against an API as its generated Python client publishes it.

The clients of Kubeflow Pipelines and of Kubernetes are generated from the OpenAPI documents of the
servers: paths, methods and parameters stand in their methods, fields and types in their models.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any
from urllib.parse import unquote

_PLAIN = {"str": str, "bool": bool, "object": (dict, list, str, int, float, bool)}


@dataclass(frozen=True)
class Operation:
    """What one method and path of an API takes and answers.

    Attributes:
        name: of the client's method.
        method: of HTTP.
        path: with {name} for what varies.
        query: types of the parameters after the question mark.
        required: those of them that must be there.
        body: type of the JSON body, if there is one.
        file: name of the form's field with a file, if there is one.
        answer: type of the JSON answer.
    """

    name: str
    method: str
    path: str
    query: Mapping[str, str]
    required: frozenset[str]
    body: str | None
    file: str | None
    answer: str


class PublishedApi:
    """An API, read from its client."""

    def __init__(self, services: Iterable[type], models: ModuleType) -> None:
        """Reads all methods of some services.

        Args:
            services: classes of the client.
            models: the module with its models.
        """
        self._models = models
        self.operations = [
            _operation(name.removesuffix("_with_http_info"), member)
            for service in services
            for name, member in inspect.getmembers(service, inspect.isfunction)
            if name.endswith("_with_http_info")
        ]

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """Returns the operation of a request, and what varies in its path."""
        for one in self.operations:
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/:]+)", re.escape(one.path))
            found = re.fullmatch(pattern, path) if one.method == method else None
            if found:
                return one, {key: unquote(value) for key, value in found.groupdict().items()}
        return None

    def wrong_in_request(
        self, operation: Operation, query: Mapping[str, str], body: object
    ) -> list[str]:
        """Returns what the API does not know of a request, or misses in it."""
        found = [f"unknown query parameter {key}" for key in query if key not in operation.query]
        found += [f"no query parameter {key}" for key in operation.required - query.keys()]
        for key, value in query.items():
            if operation.query.get(key) == "int" and not value.isdecimal():
                found.append(f"{key}={value} is no int")
        if operation.body:
            return found + self.wrong_in(body, operation.body, "body")
        return found + (["a body where none is known"] if body else [])

    def wrong_in(self, value: object, kind: str, where: str) -> list[str]:
        """Returns what is wrong in a JSON value, if it should be of a type of the API."""
        listed, mapped = (
            re.fullmatch(r"list\[(.+)\]", kind),
            re.fullmatch(r"dict\(str, (.+)\)", kind),
        )
        if listed:
            if not isinstance(value, list):
                return [f"{where} is no list"]
            return [
                text
                for i, one in enumerate(value)
                for text in self.wrong_in(one, listed[1], f"{where}[{i}]")
            ]
        if mapped:
            if not isinstance(value, dict):
                return [f"{where} is no object"]
            return [
                text
                for key, one in value.items()
                for text in self.wrong_in(one, mapped[1], f"{where}.{key}")
            ]
        if kind in {"int", "datetime"} or kind in _PLAIN:
            return [] if _is_plain(value, kind) else [f"{where} = {value!r} is no {kind}"]
        return self._wrong_in_model(value, getattr(self._models, kind), where)

    def _wrong_in_model(self, value: object, model: Any, where: str) -> list[str]:
        if hasattr(model, "allowable_values"):
            fits = value in model.allowable_values
            return [] if fits else [f"{where} = {value!r} is no {model.__name__}"]
        if not isinstance(value, dict):
            return [f"{where} is no {model.__name__}"]
        names = {name: field for field, name in model.attribute_map.items()}
        found = [f"{where} has an unknown field {key}" for key in value.keys() - names.keys()]
        for key in value.keys() & names.keys():
            found += self.wrong_in(value[key], model.openapi_types[names[key]], f"{where}.{key}")
        return found


def _operation(name: str, member: Any) -> Operation:
    source, document = inspect.getsource(member), inspect.getdoc(member) or ""
    path, method = re.findall(r"'(/[^']*)', '([A-Z]+)',", source)[0]
    # Two styles of documents: `:param x: …` with `:type x: str`, and `:param str x: …`.
    types = dict(re.findall(r":type (\w+): (.+)", document))
    types |= {key: kind for kind, key in re.findall(r":param (\w+) (\w+):", document)}
    required = set(re.findall(r":param (?:\w+ )?(\w+):.*\(required\)", document))
    pairs = re.findall(
        r"query_params\.append\(\('([^']+)', local_var_params\['(\w+)'\]\)\)", source
    )
    body = re.search(r"body_params = local_var_params\['(\w+)'\]", source)
    file = re.search(r"local_var_files\['(\w+)'\]", source)
    answer = re.search(r"response_type='([^']+)'", source)
    return Operation(
        name=name,
        method=method,
        path=path,
        query={wire: types.get(own, "str") for wire, own in pairs},
        required=frozenset(wire for wire, own in pairs if own in required),
        body=types[body[1]] if body else None,
        file=file[1] if file else None,
        answer=answer[1] if answer else "object",
    )


def _is_plain(value: object, kind: str) -> bool:
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "datetime":
        try:
            return isinstance(value, str) and bool(datetime.fromisoformat(value))
        except ValueError:
            return False
    return isinstance(value, _PLAIN[kind])
