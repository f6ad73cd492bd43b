"""Tests of the charts, as far as their SVG tells."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from html_page import HOSTILE, Page
from made_results import STAGES, made_answers

from components.report_gen.charts import (
    learning_curves,
    reliability_diagram,
    roc_and_precision_recall,
)


def test_chart_takes_its_colours_from_the_page_and_its_text_is_text() -> None:
    svg = learning_curves(STAGES, "fine-tuned")
    page = Page(svg)

    assert page.tags[0] == "svg"
    assert "currentColor" in svg
    assert "#010203" not in svg
    assert {"accuracy", "loss", "epoch", "training", "evaluation", "fine-tuned"} <= set(
        page.texts_of("text")
    )
    assert ("aria-label", "Learning curves: accuracy and loss by epoch") in page.attributes
    assert "style" not in page.tags


def test_charts_of_one_page_do_not_share_ids() -> None:
    answers = made_answers("cat", "dog")
    charts = [
        learning_curves(STAGES, "frozen"),
        reliability_diagram(answers),
        roc_and_precision_recall(answers),
    ]
    clips = [set(re.findall(r'<clipPath id="([^"]+)"', chart)) for chart in charts]

    assert all(clips)
    assert not clips[0] & clips[1] | clips[1] & clips[2] | clips[0] & clips[2]


def test_same_numbers_give_the_same_chart() -> None:
    assert learning_curves(STAGES, "frozen") == learning_curves(STAGES, "frozen")


def test_stage_of_one_epoch_is_seen_as_a_dot() -> None:
    history = {name: [0.5] for name in ("accuracy", "loss", "val_accuracy", "val_loss")}
    one: dict[str, Any] = {"name": "frozen", "loss": 0.5, "accuracy": 0.5, "history": history}

    assert learning_curves([one], "frozen").count("<use ") > learning_curves([one], "").count(
        "<use "
    )


def test_curves_of_many_classes_are_those_of_the_hardest() -> None:
    labels = [f"class {number}" for number in range(10)]
    answers = made_answers(*labels)
    texts = Page(roc_and_precision_recall(answers)).texts_of("text")
    drawn = [text for text in texts if text.startswith("class ")]

    assert len(drawn) == 6
    assert any(text.startswith("class 9 (") for text in drawn)  # The one with a mistake.


def test_class_without_evaluation_photos_has_no_curve() -> None:
    answers = made_answers("cat", "dog", "owl")
    seen = answers.labels != 2
    answers = replace(
        answers,
        labels=answers.labels[seen],
        probabilities=answers.probabilities[seen],
        paths=[path for path, kept in zip(answers.paths, seen, strict=True) if kept],
    )
    texts = Page(roc_and_precision_recall(answers)).texts_of("text")

    assert any(text.startswith("cat (") for text in texts)
    assert not any(text.startswith("owl") for text in texts)


def test_one_class_alone_gives_axes_without_curves() -> None:
    answers = made_answers("cat", "dog")
    cats = answers.labels == 0
    alone = replace(answers, labels=answers.labels[cats], probabilities=answers.probabilities[cats])

    assert "ROC (area)" in Page(roc_and_precision_recall(alone)).texts_of("text")


@pytest.mark.parametrize("label", [*HOSTILE.values(), "$x$ \\alpha", "a" * 300])
def test_hostile_class_name_is_text_in_a_chart(label: str) -> None:
    page = Page(roc_and_precision_recall(made_answers("cat", label)))

    assert set(page.tags) <= {
        "svg",
        "defs",
        "g",
        "path",
        "use",
        "text",
        "tspan",
        "clippath",
        "rect",
    }
    assert not any(name.startswith("on") for name, _ in page.attributes)
    shown = " ".join(page.texts_of("text") + page.texts_of("tspan"))
    assert " ".join(label.split())[:10] in shown


def test_reliability_of_a_sure_and_right_model_is_one_dot() -> None:
    answers = made_answers("cat", "dog")
    sure = np.eye(2, dtype=np.float32)[answers.labels]

    svg = reliability_diagram(replace(answers, probabilities=sure))

    assert "how sure the model is" in Page(svg).texts_of("text")
