"""Tests of the version of a configuration file: known, migrated or refused, and in no result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipelines.component_properties import component_properties
from pipelines.config import PipelineConfig, load_config
from pipelines.config_version import as_of_now, newest
from pipelines.run_facts import RunFacts
from schemas.errors import ConfigError

FILE = Path("pipeline.yaml")


def written(folder: Path, text: str) -> Path:
    file = folder / "pipeline.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("text", ["version: 1\nname: mine\n", "name: mine\n"])
def test_version_of_now_is_the_default(tmp_path: Path, text: str) -> None:
    config = load_config(written(tmp_path, text))

    assert config == PipelineConfig(name="mine")


def test_later_version_is_refused_whatever_else_is_in_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "version: 2\nunheard_of: 3\n")

    with pytest.raises(ConfigError) as refused:
        load_config(file)

    assert str(refused.value) == (
        f"{file} is a configuration of version 2, and warmstart 0.1.0 reads up to version 1; "
        "upgrade warmstart, or write the file anew with `warmstart init DIR`."
    )


@pytest.mark.parametrize("text", ["0", "-1", "true", "one", "1.0", "[1]", "null"])
def test_version_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, f"version: {text}\n")

    with pytest.raises(ConfigError) as refused:
        load_config(file)

    assert str(refused.value).startswith(f"{file}: version = ")
    assert str(refused.value).endswith(
        " is none of a configuration; versions are whole numbers from 1, and the newest here is 1."
    )


def test_version_is_no_key_to_set() -> None:
    with pytest.raises(ConfigError, match="unknown key version"):
        load_config(None, ["version=1"])


def test_version_is_in_no_cache_key_and_no_record(tmp_path: Path) -> None:
    told = [
        component_properties(config, data="photos") | {"facts": vars(RunFacts.of(config, "photos"))}
        for config in (load_config(written(tmp_path, "version: 1\n")), load_config())
    ]

    assert told[0] == told[1]
    assert "version: 1" not in str(told[0])


def rename(values: Mapping[str, Any]) -> dict[str, Any]:
    return {("name" if key == "title" else key): value for key, value in values.items()}


def double(values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, "size": 2 * values["size"]}


@pytest.mark.parametrize(
    ("version", "become"),
    [
        (1, {"name": "a", "size": 8}),
        (2, {"title": "a", "size": 8}),
        (3, {"title": "a", "size": 4}),
        (None, {"title": "a", "size": 4}),
    ],
)
def test_older_file_is_brought_up_version_by_version(
    version: int | None, become: dict[str, Any]
) -> None:
    values = {"title": "a", "size": 4} | ({} if version is None else {"version": version})

    assert as_of_now(values, FILE, changes=(rename, double)) == become
    assert newest((rename, double)) == 3
