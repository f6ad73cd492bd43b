"""Tests of `--param`."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_spec import write_spec

from pipelines.kubeflow_client.arguments import parsed_parameters
from pipelines.kubeflow_client.spec_file import SpecFile, read_spec_file
from schemas.errors import ConfigError


@pytest.fixture
def spec(tmp_path: Path) -> SpecFile:
    return read_spec_file(write_spec(tmp_path / "p.yaml"))


def parsed(spec: SpecFile, *given: str) -> dict[str, object]:
    return parsed_parameters(spec, ["data=/data", *given], lambda _, value: value)


def refused(spec: SpecFile, *given: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parsed(spec, *given)
    return str(caught.value)


def test_values_have_the_types_of_the_pipeline(spec: SpecFile) -> None:
    found = parsed(spec, "frozen-epochs=3", "learning-rate=1", "deterministic=True", "classes=[1]")
    assert found == {
        "data": "/data",
        "frozen-epochs": 3,
        "learning-rate": 1.0,
        "deterministic": True,
        "classes": [1],
    }
    assert isinstance(found["learning-rate"], float)


def test_a_value_may_hold_the_sign(spec: SpecFile, tmp_path: Path) -> None:
    text = {"text": {"parameterType": "STRING"}}
    spec = read_spec_file(write_spec(tmp_path / "text.yaml", parameters=text))
    assert parsed_parameters(spec, ["text=a=b"], lambda _, value: value) == {"text": "a=b"}


def test_dates_are_written_where_there_may_be_some(spec: SpecFile, tmp_path: Path) -> None:
    defaults = {
        "dated": {"parameterType": "STRING", "defaultValue": "[[CurrentTime]]"},
        "plain": {"parameterType": "STRING", "defaultValue": "/data"},
    }
    spec = read_spec_file(write_spec(tmp_path / "dated.yaml", parameters=defaults))
    found = parsed_parameters(spec, [], lambda where, value: f"{where}: {value}")
    assert found == {"dated": "--param dated: [[CurrentTime]]"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("frozen-epochs", "--param frozen-epochs: write it as name=value."),
        (
            "frozen_epoch=3",
            "--param frozen_epoch: the pipeline has no such parameter; nearest: frozen-epochs.",
        ),
        (
            "zzz=3",
            "--param zzz: the pipeline has no such parameter; there are classes, data, "
            "deterministic, frozen-epochs, learning-rate, thresholds.",
        ),
        ("data=/other", "--param data is given twice."),
        ("frozen-epochs=3.5", "--param frozen-epochs=3.5: give a whole number."),
        (
            "frozen-epochs=9007199254740993",
            "--param frozen-epochs=9007199254740993: give a whole number.",
        ),
        ("learning-rate=fast", "--param learning-rate=fast: give a number."),
        ("learning-rate=nan", "--param learning-rate=nan: give a number."),
        ("deterministic=1", "--param deterministic=1: give true or false."),
        ("classes=a,b", '--param classes=a,b: give a list in JSON, such as ["a", "b"].'),
        ("thresholds=[1]", '--param thresholds=[1]: give an object in JSON, such as {"a": 1}.'),
    ],
)
def test_another_value_is_one_sentence(spec: SpecFile, given: str, said: str) -> None:
    assert refused(spec, given) == said


def test_a_value_that_is_missing_is_one_sentence(spec: SpecFile) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed_parameters(spec, [], lambda _, value: value)
    assert str(caught.value) == f"{spec.path} has no value for data; give --param data=VALUE."


def test_a_pipeline_without_parameters(tmp_path: Path) -> None:
    spec = read_spec_file(write_spec(tmp_path / "none.yaml", parameters={}))
    with pytest.raises(ConfigError) as caught:
        parsed_parameters(spec, ["a=1"], lambda _, value: value)
    assert str(caught.value) == "--param a: the pipeline has no parameters."
