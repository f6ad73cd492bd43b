"""Tests of what can be chosen when a run is started."""

from __future__ import annotations

import json

import pytest
import yaml

from pipelines.config import WHERE_IT_RUNS, PipelineConfig, commented_yaml, load_config
from pipelines.kubeflow.parameters import offered, put_in
from schemas.errors import ConfigError

CONFIGURATION = commented_yaml(PipelineConfig().resolved, without=WHERE_IT_RUNS)


def test_parameters_have_the_configuration_s_values_as_defaults() -> None:
    config = load_config(None, ["frozen.epochs=3", "evaluate.thresholds.accuracy.min=0.9"])

    assert {p.name: value for p, value in offered(config, "/data/a").items()} == {
        "data": "/data/a",
        "frozen_epochs": 3,
        "frozen_learning_rate": 1e-4,
        "fine_tune_epochs": 10,
        "fine_tune_learning_rate": 1e-5,
        "min_accuracy": 0.9,
        "max_accuracy_drop": 0.01,
        "min_slice_accuracy": 0.5,
    }


def test_threshold_that_is_null_is_not_offered() -> None:
    config = load_config(None, ["evaluate.thresholds.slices.min=null"])

    assert "min_slice_accuracy" not in {parameter.name for parameter in offered(config, "/data")}


def test_trainer_gets_what_was_chosen_and_keeps_the_rest() -> None:
    config = json.dumps({"frozen": {"epochs": 10, "optimizer": "adam"}, "fine_tune": {"epochs": 5}})
    given = {"custom_config": config, "frozen_epochs": 2, "run_fn": "a.b"}

    properties = put_in("Trainer", given)

    assert json.loads(properties["custom_config"]) == {
        "frozen": {"epochs": 2, "optimizer": "adam"},
        "fine_tune": {"epochs": 5},
    }
    assert properties["run_fn"] == "a.b"
    assert set(properties) == {"custom_config", "run_fn"}


def test_evaluator_gets_the_chosen_thresholds() -> None:
    thresholds = json.dumps({"accuracy": {"min": 0.8, "max_drop": 0.01}, "slices": {"min": 0.5}})

    properties = put_in("Evaluator", {"thresholds": thresholds, "min_accuracy": 0.95})

    assert json.loads(properties["thresholds"])["accuracy"] == {"min": 0.95, "max_drop": 0.01}


def test_report_shows_what_was_chosen() -> None:
    given = {"configuration": CONFIGURATION, "frozen_epochs": 2, "min_accuracy": 0.95}

    written = put_in("ReportGen", given)["configuration"]

    assert yaml.safe_load(written)["frozen"]["epochs"] == 2
    assert yaml.safe_load(written)["evaluate"]["thresholds"]["accuracy"]["min"] == 0.95
    assert len(written.splitlines()) == len(CONFIGURATION.splitlines())


def test_defaults_change_nothing() -> None:
    defaults = {p.name: value for p, value in offered(PipelineConfig(), "/data").items()}

    assert put_in("ReportGen", {"configuration": CONFIGURATION, **defaults, "data": "/data"}) == {
        "configuration": CONFIGURATION,
        "data": "/data",
    }


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "frozen_epochs",
            0,
            "Configuration: frozen.epochs = 0: input should be greater than or equal to 1.",
        ),
        (
            "fine_tune_learning_rate",
            2.0,
            "Configuration: fine_tune.learning_rate = 2.0: input should be less than or equal to "
            "1.",
        ),
    ],
)
def test_value_that_is_not_allowed_is_one_sentence(name: str, value: int, sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        put_in("Trainer", {"custom_config": "{}", name: value})

    assert str(error.value) == sentence


def test_steps_without_parameters_keep_their_properties() -> None:
    assert put_in("SchemaGen", {"code_digest": "1"}) == {"code_digest": "1"}
