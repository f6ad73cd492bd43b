"""Tests of what holds for any configuration, and for whatever is given for one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from components.backbone.registry import BACKBONES
from pipelines.config import PipelineConfig, commented_yaml, keys, load_config, plain_yaml
from schemas.errors import ConfigError

PATHS = list(keys())

# What types and bounds do not say.
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "name": st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True),
    "backbone.name": st.sampled_from(sorted(BACKBONES)),
    # Embedded weights fit one backbone at one size only.
    "backbone.weights": st.text(min_size=1).filter(lambda text: text != "embedded"),
    "gpus": st.sampled_from(["all", "none"]) | st.lists(st.integers(0, 9), min_size=1, unique=True),
    "kubeflow.resources": st.sampled_from([{}, {"Trainer": {"memory_limit": "64Gi"}}]),
    "kubeflow.gpu.tolerations": st.lists(
        st.fixed_dictionaries({"key": st.just("gpu"), "value": st.none() | st.text()}), max_size=2
    ),
    "kubeflow.node_selector": st.dictionaries(st.sampled_from(["a/b", "c"]), st.text()),
    "kubeflow.gpu.node_selector": st.dictionaries(st.sampled_from(["a/b", "c"]), st.text()),
}

# Of these, each text that a function or a pattern checks has one.
TEXTS = (
    "name",
    "host:80",
    "s3://bucket",
    "gs://bucket/é",
    "gs://bucket/a",
    "a/b:1",
    "--x=#",
    "NVIDIA_L4",
)


def field_at(path: str) -> FieldInfo:
    """Returns what the configuration says of a key."""
    section: Any = PipelineConfig
    *sections, key = path.split(".")
    for name in sections:
        section = section.model_fields[name].annotation
    fields: dict[str, FieldInfo] = section.model_fields
    return next(field for name, field in fields.items() if (field.alias or name) == key)


def takes(kind: Any, text: str) -> bool:
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError:
        return False
    return True


def allowed(  # noqa: PLR0911 (a line for each kind of type)
    annotation: Any, bounds: list[Any]
) -> st.SearchStrategy[Any]:
    """Returns the values that a type takes."""
    kind, inner = get_origin(annotation), get_args(annotation)
    if kind is Annotated:
        return allowed(inner[0], [*bounds, *inner[1:]])
    if kind in {Union, UnionType}:
        return st.one_of(*(allowed(one, bounds) for one in inner))
    if kind is Literal:
        return st.sampled_from(inner)
    if kind is list:
        return st.lists(allowed(inner[0], []), max_size=3)
    flat = [bound for one in bounds for bound in getattr(one, "metadata", [one])]
    limits = {
        limit: getattr(bound, limit)
        for bound in flat
        for limit in ("ge", "gt", "le", "lt")
        if hasattr(bound, limit)
    }
    low, high = limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt"))
    if annotation is int:
        return st.integers(low, high)
    if annotation is float:
        numbers = st.floats(low, high, allow_nan=False, allow_infinity=False)
        return numbers.filter(lambda number: number not in {limits.get("gt"), limits.get("lt")})
    if annotation is str:
        if all(getattr(bound, "min_length", None) for bound in flat):
            return st.text(min_size=1)
        return st.sampled_from([text for text in TEXTS if takes(Annotated[(str, *bounds)], text)])
    return {bool: st.booleans(), NoneType: st.none()}[annotation]


def value_of(path: str) -> st.SearchStrategy[Any]:
    field = field_at(path)
    return SPECIAL[path] if path in SPECIAL else allowed(field.annotation, list(field.metadata))


VALID = st.dictionaries(st.sampled_from(PATHS), st.none(), max_size=6).flatmap(
    lambda chosen: st.fixed_dictionaries({path: value_of(path) for path in chosen})
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.text(max_size=9)
    | st.sampled_from(["auto", "none", "local", "a\nb", "1e3"])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3),
    max_leaves=4,
)
SECTIONS = ["split", "evaluate.thresholds", "kubeflow.gpu", "kubeflow"]

# Beginnings of what YAML reads in its own way.
YAML_LIKE = st.text("0123456789_-+:.eExbo,[]{}&*!|>'\"%@`#?~ \n\ttruenlif", max_size=12)


def overrides(values: dict[str, Any]) -> list[str]:
    return [f"{path}={yaml.safe_dump(value)}" for path, value in values.items()]


def read(text: str) -> PipelineConfig:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pipeline.yaml")
        file.write_text(text, encoding="utf-8", newline="")
        return load_config(file)


def refusal_or_none(values: list[str]) -> str | None:
    """Returns the one line that a configuration is refused with, or None if it is taken."""
    try:
        load_config(None, values)
    except ConfigError as error:
        return str(error)
    return None


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=5)
@given(data=st.data())
def test_value_that_type_and_bounds_allow_is_taken(path: str, data: st.DataObject) -> None:
    value = data.draw(value_of(path))
    values = {"backbone.weights": "none", path: value}

    config = load_config(None, overrides(values))

    found: Any = config.model_dump(mode="json", by_alias=True)
    for key in path.split("."):
        found = found[key]
    if path not in {"kubeflow.resources", "kubeflow.gpu.tolerations"}:  # These are filled up.
        assert found == value


@settings(max_examples=40)
@given(values=VALID)
@example(values={"backbone.weights": "two\nlines # and more"})
@example(values={"fine_tune.from": "\x85\u2028\ufeff"})
@example(values={"engine.dataflow.project": "a\n\n  b: c"})
def test_configuration_that_is_written_is_read_as_it_was(values: dict[str, Any]) -> None:
    config = load_config(None, overrides({"backbone.weights": "none"} | values))

    for as_yaml in (commented_yaml, plain_yaml):
        assert read(as_yaml(config)) == config


@settings(max_examples=40)
@given(values=VALID)
def test_file_and_sets_are_two_ways_to_say_the_same(values: dict[str, Any]) -> None:
    values = {"backbone.weights": "none"} | values
    nested: dict[str, Any] = {}
    for path, value in values.items():
        *sections, key = path.split(".")
        target = nested
        for section in sections:
            target = target.setdefault(section, {})
        target[key] = value

    assert read(yaml.safe_dump(nested)) == load_config(None, overrides(values))


@given(path=st.sampled_from([*PATHS, *SECTIONS]), value=ANYTHING)
def test_value_of_any_kind_is_taken_or_refused_in_one_line(path: str, value: Any) -> None:
    said = refusal_or_none(overrides({path: value}))

    assert said is None or (said.startswith("Configuration: ") and said.isprintable())


@given(path=st.sampled_from(PATHS) | st.text(max_size=9), text=YAML_LIKE | st.text(max_size=9))
@example(path="train.seed", text="0x_")
@example(path="train.seed", text="0b_")
@example(path="train.seed", text="2026-13-45")
@example(path="train.seed", text="!!int many")
@example(path="train.seed", text="!!bool maybe")
@example(path="train.seed", text="!!timestamp noon")
@example(path="train.seed", text="9" * 5000)
@example(path="train.seed", text="[" * 999)
@example(path="gpus", text="&a [*a]")
@example(path="two\nlines", text="1")
@example(path="split.two\nlines", text="1")
@example(path="\u202e", text="1")
def test_set_of_any_text_is_taken_or_refused_in_one_line(path: str, text: str) -> None:
    said = refusal_or_none([f"{path}={text}"])

    assert said is None or (said.startswith("Configuration: ") and said.isprintable())
    assert said is None or said.endswith((".", "?"))


@given(text=YAML_LIKE | st.text(max_size=20))
@example(text="train: {seed: 0x_}")
@example(text="train: {seed: 2026-13-45}")
@example(text="name: !!bool maybe")
@example(text="? {a: 1}\n: 2")
@example(text="3: 4")
@example(text='"two\\nlines": 4')
def test_file_of_any_text_is_taken_or_refused_in_one_line(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pipeline.yaml")
        file.write_text(text, encoding="utf-8", newline="")
        try:
            load_config(file)
        except ConfigError as error:
            said = str(error)
            assert said.isprintable()
            assert str(file) in said
            assert said.endswith((".", "?"))
