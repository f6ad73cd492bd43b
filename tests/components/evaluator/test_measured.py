"""Tests of reading TFMA's own format."""

from __future__ import annotations

from components.evaluator.measured import doubles


def test_doubles_of_all_outputs_are_found_and_other_values_left_out() -> None:
    metrics = {
        "": {"": {"accuracy": {"doubleValue": 0.75}, "plot": {"bytesValue": "x"}}},
        "head": {"topK": {"log_loss": {"doubleValue": "0.5"}}},
    }

    assert doubles(metrics) == {"accuracy": 0.75, "log_loss": 0.5}
