"""What can be chosen when a run is started, without compiling anew.

Most of it lies within a property of a component, which is JSON or YAML: Kubeflow hands the value
over beside that property, so that its cache sees it, and the step puts it in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import yaml

from pipelines.config import WHERE_IT_RUNS, PipelineConfig, commented_yaml, load_config

DATA = "data"

# The property of ReportGen that is the configuration as commented YAML; the others are JSON.
_CONFIGURATION = "configuration"


@dataclass(frozen=True)
class Place:
    """Where a value goes.

    Attributes:
        step: id of the component.
        property: of it.
        path: keys within that property; empty: it is all of it.
    """

    step: str
    property: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuntimeParameter:
    """A parameter of the pipeline.

    Attributes:
        name: as it is shown when a run is started.
        kind: its type.
        key: of the configuration, whose value is the default; empty for the data.
        meaning: for people, without a full stop.
        places: where it goes.
    """

    name: str
    kind: Literal["STRING", "NUMBER_INTEGER", "NUMBER_DOUBLE"]
    key: str
    meaning: str
    places: tuple[Place, ...]


def _of_stage(stage: str, key: str, name: str, kind: Any, meaning: str) -> RuntimeParameter:
    path = (stage, key)
    places = (Place("Trainer", "custom_config", path), Place("ReportGen", _CONFIGURATION, path))
    return RuntimeParameter(name, kind, ".".join(path), meaning, places)


def _of_threshold(metric: str, key: str, name: str, meaning: str) -> RuntimeParameter:
    path = ("evaluate", "thresholds", metric, key)
    places = (
        Place("Evaluator", "thresholds", path[2:]),
        Place("ReportGen", _CONFIGURATION, path),
    )
    return RuntimeParameter(name, "NUMBER_DOUBLE", ".".join(path), meaning, places)


PARAMETERS = (
    RuntimeParameter(
        DATA,
        "STRING",
        "",
        "The photos, as the pods see them",
        (
            Place("PhotosFingerprint", "input_base"),
            Place("ImageExampleGen", "input_base"),
            Place("ReportGen", "data"),
        ),
    ),
    _of_stage("frozen", "epochs", "frozen_epochs", "NUMBER_INTEGER", "Epochs of stage 1"),
    _of_stage(
        "frozen",
        "learning_rate",
        "frozen_learning_rate",
        "NUMBER_DOUBLE",
        "Learning rate of stage 1",
    ),
    _of_stage(
        "fine_tune", "epochs", "fine_tune_epochs", "NUMBER_INTEGER", "Epochs of stage 2; 0: none"
    ),
    _of_stage(
        "fine_tune",
        "learning_rate",
        "fine_tune_learning_rate",
        "NUMBER_DOUBLE",
        "Learning rate of stage 2",
    ),
    _of_threshold("accuracy", "min", "min_accuracy", "Lowest accuracy that is blessed"),
    _of_threshold(
        "accuracy",
        "max_drop",
        "max_accuracy_drop",
        "How far accuracy may fall below that of the latest pushed model",
    ),
    _of_threshold(
        "slices", "min", "min_slice_accuracy", "Lowest accuracy of a class or slice that is blessed"
    ),
)


def offered(config: PipelineConfig, data: str) -> dict[RuntimeParameter, int | float | str]:
    """Returns each parameter with its default.

    A threshold that the configuration sets to null is left out: Kubeflow's numbers cannot be null.
    """
    values = config.model_dump(by_alias=True)
    defaults = {
        parameter: _at(values, parameter.key.split(".")) if parameter.key else data
        for parameter in PARAMETERS
    }
    return {parameter: value for parameter, value in defaults.items() if value is not None}


def places_in(step: str) -> Iterator[tuple[RuntimeParameter, Place]]:
    """Yields the parameters that a step takes, each with where it goes."""
    for parameter in PARAMETERS:
        for place in parameter.places:
            if place.step == step:
                yield parameter, place


def put_in(step: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Puts the values that Kubeflow handed over beside the properties into them.

    Args:
        step: id of the component.
        properties: its own, and the parameters that lie within one of them.

    Returns:
        Its own.

    Raises:
        ConfigError: if the configuration does not allow a value.
    """
    taken = {
        parameter: place
        for parameter, place in places_in(step)
        if place.path and parameter.name in properties
    }
    given = {parameter: properties[parameter.name] for parameter in taken}
    overrides = [f"{parameter.key}={json.dumps(value)}" for parameter, value in given.items()]
    load_config(None, overrides)
    names = {parameter.name for parameter in taken}
    changed = {name: value for name, value in properties.items() if name not in names}
    for name in {place.property for place in taken.values()}:
        inside = {place.path: given[p] for p, place in taken.items() if place.property == name}
        write = _in_yaml if name == _CONFIGURATION else _in_json
        changed[name] = write(changed[name], inside)
    return changed


def _in_json(text: str, values: Mapping[tuple[str, ...], Any]) -> str:
    return json.dumps(_with(json.loads(text), values), sort_keys=True)


def _in_yaml(text: str, values: Mapping[tuple[str, ...], Any]) -> str:
    config = PipelineConfig.model_validate(_with(yaml.safe_load(text), values))
    return commented_yaml(config, without=WHERE_IT_RUNS)


def _with(nested: dict[str, Any], values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    for (*sections, key), value in values.items():
        _at(nested, sections)[key] = value
    return nested


def _at(nested: Any, path: Iterable[str]) -> Any:
    return reduce(lambda section, name: section[name], path, nested)
