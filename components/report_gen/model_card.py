"""The model card: what a model is for, what it learnt from, and where it must not be trusted.

After Mitchell et al., Model Cards for Model Reporting (2019).
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from components.evaluator.measured import Baseline
from components.evaluator.metrics import (
    ACCURACY,
    AUC,
    BALANCED_ACCURACY,
    CALIBRATION_ERROR,
    LOG_LOSS,
)
from components.pages.rendering import percent
from components.report_gen.contents import Contents
from components.trainer.stage import FROZEN
from schemas import features
from schemas.errors import shortened_list

# A share of right answers below which a class or slice is named as a limit, beside the lowest.
_WEAK = 0.8

# Evaluation photos of a class below which its numbers say little.
_FEW_PHOTOS = 20


@dataclass(frozen=True)
class Section:
    """A heading, and what is said under it, a sentence or two each."""

    title: str
    statements: list[str]


def model_card(contents: Contents) -> list[Section]:
    """Returns the card in the order of the paper, what does not apply left out."""
    return [
        Section("Model details", _details(contents)),
        Section("Intended use", _intended_use(contents)),
        Section("Training and evaluation data", _data(contents)),
        Section("Metrics", _metrics(contents)),
        Section("Domain gap", _domain_gap(contents)),
        Section("Limits", _limits(contents)),
    ]


def as_markdown(card: list[Section], title: str) -> str:
    """Writes a card as Markdown; names in it are text, whatever they hold."""
    lines = [f"# {_escaped(title)}", ""]
    for section in card:
        lines += [f"## {section.title}", ""]
        lines += [f"- {_escaped(statement)}" for statement in section.statements]
        lines.append("")
    return "\n".join(lines)


def _details(contents: Contents) -> list[str]:
    settings, environment = contents.settings, contents.environment
    backbone, weights = settings["backbone"]["name"], settings["backbone"]["weights"]
    version = environment.get("warmstart", "of a checkout")
    commit = environment.get("git commit")
    made = f"Made by warmstart {version}" + (f", commit {commit}" if commit else "")
    details = [
        (
            f"An image classifier: {backbone} with {weights} weights, a dense layer of "
            f"{settings['head']['units']} units, and a probability for each of "
            f"{len(contents.answers.classes)} classes: {shortened_list(contents.answers.classes)}."
        ),
        (
            f"It sees a photo at {settings['image']['size']} x {settings['image']['size']} pixels, "
            "turned as EXIF says and squeezed into a square."
        ),
        f"{made}, with TensorFlow {environment['tensorflow']} and Keras {environment['keras']}.",
        (
            f"The {contents.kept} model was kept: the better one of the two stages on the "
            "evaluation photos."
        ),
    ]
    if contents.weights_sha256 != "none":
        details.append(f"SHA-256 of the pretrained weights: {contents.weights_sha256}.")
    return details


def _intended_use(contents: Contents) -> list[str]:
    return [
        (
            "To tell these classes apart in photos that are taken like those it learnt from: the "
            "same kind of camera, light, distance and background."
        ),
        (
            "It always answers with one of its classes. A photo of anything else gets one, too, "
            "often with high confidence: something else has to keep such photos away."
        ),
        (
            "A decision about a person, or one that is costly to get wrong, needs a person who "
            "looks at it."
        ),
    ]


def _data(contents: Contents) -> list[str]:
    survey = contents.survey
    learnt = sum(counts[features.TRAIN] for counts in survey["classes"].values())
    statements = [
        (
            f"Photos: {contents.data}; {learnt} were learnt from, {contents.measured.photos} "
            f"others ({contents.split}) evaluated it."
        ),
        "Learnt from by class: "
        + shortened_list(
            f"{label} {counts[features.TRAIN]}" for label, counts in survey["classes"].items()
        )
        + ".",
    ]
    if survey["quarantined"]:
        statements.append(f"Files that were set aside and not used: {len(survey['quarantined'])}.")
    if survey["duplicate_groups"]:
        statements.append(
            f"Pictures that are there more than once: {len(survey['duplicate_groups'])}; copies "
            "never lie on both sides of the split, except where the data gives it."
        )
    if contents.suspicions:
        statements.append(f"Labels that look wrong, learnt as given: {len(contents.suspicions)}.")
    return statements


def _metrics(contents: Contents) -> list[str]:
    measured = contents.measured
    names = {
        ACCURACY: "Accuracy",
        BALANCED_ACCURACY: "Balanced accuracy",
        AUC: "Area under the ROC curves",
        LOG_LOSS: "Log loss",
        CALIBRATION_ERROR: "Expected calibration error",
    }
    statements: list[str] = []
    for name, words in names.items():
        value = measured.metrics[name]
        if value is not None:
            reach = (
                " (95 % interval {:.3f} to {:.3f})".format(*measured.intervals[name])
                if (name in measured.intervals)
                else ""
            )
            statements.append(f"{words}: {value:.3f}{reach}.")
    if measured.baseline:
        statements.append(comparison(measured.baseline))
    reached = "It reached every threshold." if contents.blessed else "It was not blessed: "
    return [*statements, reached + ("" if contents.blessed else "; ".join(measured.reasons) + ".")]


def _domain_gap(contents: Contents) -> list[str]:
    """Tells how far the pretrained features carry: stage 1 leaves them as they are."""
    if contents.settings["backbone"]["weights"] == "none":
        return ["The backbone began with random weights: nothing was transferred."]
    by_name = {stage["name"]: stage for stage in contents.stages}
    share = by_name[FROZEN]["accuracy"]
    guess = max(
        sum(row.values()) / contents.measured.photos for row in contents.measured.confusion.values()
    )
    note = (
        f"With the pretrained features as they are, {percent(share)} of the evaluation photos were "
        f"recognised; always naming the most frequent class gives {percent(guess)}."
    )
    advice = (
        "The less lies between the two, the less pretraining has to do with these photos; "
        "`warmstart backbones compare` measures it against random weights."
    )
    return [note, advice]


def _limits(contents: Contents) -> list[str]:
    measured = contents.measured
    low, high = measured.intervals[ACCURACY]
    limits = [
        (
            f"{measured.photos} evaluation photos say that between {percent(low, 0)} and "
            f"{percent(high, 0)} of such photos are recognised, and nothing about other photos."
        )
    ]
    weak = [c for c in measured.classes if c.recall is not None and c.recall < _WEAK]
    if weak:
        limits.append(
            "Classes that are often missed: "
            + shortened_list(
                f"{c.label} ({percent(c.recall, 0)} of {c.photos})"
                for c in sorted(weak, key=lambda c: c.recall or 0)
            )
            + "."
        )
    few = [c for c in measured.classes if c.photos < _FEW_PHOTOS]
    if few:
        limits.append(
            f"Fewer than {_FEW_PHOTOS} evaluation photos, so that their numbers say little: "
            + shortened_list(f"{c.label} ({c.photos})" for c in few)
            + "."
        )
    overall = measured.metrics[ACCURACY] or 0
    below = [s for s in measured.slices if s.interval[1] < overall]
    if below:
        limits.append(
            "Photos on which it is worse than chance explains: "
            + shortened_list(
                f"{s.feature} {s.value} ({percent(s.accuracy, 0)} of {s.photos})" for s in below
            )
            + "."
        )
    limits += [anomaly["sentence"] for anomaly in contents.anomalies]
    return limits


def comparison(baseline: Baseline) -> str:
    """Says how a model compares with the latest blessed one."""
    low, high = baseline.gain_interval
    points = f"{abs(100 * baseline.gain):.1f} points of accuracy"
    how = {1: f"{points} better than", 0: "as accurate as", -1: f"{points} worse than"}
    side = (baseline.gain > 0) - (baseline.gain < 0)
    chance = "may be chance" if baseline.gain_may_be_chance else "is no chance"
    return (
        f"On the same photos it is {how[side]} the latest blessed model (95 % interval of the "
        f"difference {100 * low:+.1f} to {100 * high:+.1f} points"
        + (f", which {chance})." if side else ").")
    )


def _escaped(text: str) -> str:
    """Takes every special meaning of Markdown and HTML from a text."""
    flat = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]#|~])", r"\\\1", html.escape(flat, quote=False))
