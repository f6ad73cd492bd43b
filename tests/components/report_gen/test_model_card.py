"""Tests of the model card."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from html_page import HOSTILE
from made_results import STAGES, made_contents, made_survey

from components.label_review.suspicions import LabelSuspicion
from components.report_gen.contents import Contents
from components.report_gen.model_card import Section, as_markdown, model_card


def statements(contents: Contents, title: str) -> list[str]:
    (section,) = (section for section in model_card(contents) if section.title == title)
    return section.statements


def test_card_names_what_it_is_for_what_it_learnt_and_where_it_ends() -> None:
    contents = made_contents("cat", "dog")

    assert [section.title for section in model_card(contents)] == [
        *("Model details", "Intended use", "Training and evaluation data", "Metrics"),
        *("Domain gap", "Limits"),
    ]
    assert statements(contents, "Model details")[0] == (
        "An image classifier: MobileNetV2 with embedded weights, a dense layer of 128 units, and a "
        "probability for each of 2 classes: cat, dog."
    )
    assert statements(contents, "Training and evaluation data") == [
        "Photos: /photos; 60 were learnt from, 16 others (eval) evaluated it.",
        "Learnt from by class: cat 30, dog 30.",
    ]


def test_card_says_what_is_odd_about_the_data() -> None:
    survey = made_survey(
        "cat",
        "dog",
        quarantined=[{"path": "a", "class": "cat", "reason": "empty", "bytes": 0}],
        duplicate_groups=[["a", "b"], ["c", "d"]],
    )
    suspicion = LabelSuspicion("a", "cat", "dog", 0.1, 0.9, "train")
    found = statements(
        made_contents("cat", "dog", survey=survey, suspicions=[suspicion]),
        "Training and evaluation data",
    )

    assert "Files that were set aside and not used: 1." in found
    assert any(text.startswith("Pictures that are there more than once: 2;") for text in found)
    assert "Labels that look wrong, learnt as given: 1." in found


def test_card_gives_metrics_with_intervals_and_the_comparison() -> None:
    found = statements(made_contents("cat", "dog", baseline=True), "Metrics")

    assert found[0] == "Accuracy: 0.938 (95 % interval 0.717 to 0.989)."
    assert found[-1] == "It reached every threshold."
    assert found[-2].startswith("On the same photos it is 43.8 points of accuracy better than")


def test_card_of_a_model_that_was_not_blessed_says_why() -> None:
    contents = made_contents("cat", "dog", blessed=False)
    missed = replace(contents.measured, reasons=["a is low", "b is low"])

    assert statements(replace(contents, measured=missed), "Metrics")[-1] == (
        "It was not blessed: a is low; b is low."
    )


def test_domain_gap_is_what_stage_1_reached_above_the_most_frequent_class() -> None:
    assert statements(made_contents("cat", "dog"), "Domain gap")[0] == (
        "With the pretrained features as they are, 87.5 % of the evaluation photos were "
        "recognised; always naming the most frequent class gives 50.0 %."
    )
    assert STAGES[0]["accuracy"] == 0.875


def test_model_without_pretraining_has_no_domain_gap() -> None:
    random = made_contents("cat", "dog", overrides=("backbone.weights=none",))

    assert statements(random, "Domain gap") == [
        "The backbone began with random weights: nothing was transferred."
    ]


def test_limits_name_weak_classes_small_ones_and_bad_slices() -> None:
    contents = made_contents(
        "cat", "dog", slices={"brightness": np.array(["dark"] * 4 + ["bright"] * 12)}
    )
    measured = contents.measured
    cat, dog = measured.classes
    weak = replace(dog, recall=0.5)
    dark = replace(measured.slices[0], value="dark", accuracy=0.25, interval=(0.1, 0.5), photos=4)
    found = statements(
        replace(contents, measured=replace(measured, classes=[cat, weak], slices=[dark])),
        "Limits",
    )

    assert found == [
        (
            "16 evaluation photos say that between 72 % and 99 % of such photos are recognised, "
            "and nothing about other photos."
        ),
        "Classes that are often missed: dog (50 % of 8).",
        ("Fewer than 20 evaluation photos, so that their numbers say little: cat (8), dog (8)."),
        ("Photos on which it is worse than chance explains: brightness dark (25 % of 4)."),
    ]


@pytest.mark.parametrize("label", [*HOSTILE.values(), "*a* _b_ `c` [d](e)", "# heading"])
def test_hostile_class_name_is_text_in_markdown(label: str) -> None:
    text = as_markdown(model_card(made_contents("cat", label)), f"Model card: {label}")

    assert "<" not in text
    assert all(line.startswith(("# ", "## ", "- ")) for line in text.splitlines() if line)
    assert text.splitlines()[0].startswith("# Model card: ")


def test_special_characters_of_markdown_are_escaped() -> None:
    card = [Section("Limits", ["*a* [b](c) <d> & `e`\n# f"])]

    assert as_markdown(card, "x_y") == (
        "# x\\_y\n\n## Limits\n\n- \\*a\\* \\[b\\](c) &lt;d&gt; &amp; \\`e\\` \\# f\n"
    )
