"""The charts of the report, as SVG that takes its colours from the page, dark or light."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve, roc_curve

from components.evaluator.answers import Answers
from components.evaluator.metrics import auc_by_class, reliability

# Stands for the colour of the page's text, which a file of matplotlib cannot name.
_INK = "#010203"

# Okabe and Ito, Color Universal Design (2008): told apart with every kind of colour vision.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

# Curves beyond are too many to tell apart: those of the hardest classes are drawn.
_MOST_CLASSES = 6

# Inches; the page scales the charts.
_HEIGHT = 3.0
_WIDTH = 3.6

# Area of a dot in the reliability diagram in square points, for no and for all photos.
_SMALLEST_DOT = 12
_DOTS = 150

_STYLE = {
    "svg.fonttype": "none",  # Text stays text: selected, searched, read aloud.
    "text.parse_math": False,  # A class may be called $x$.
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": mpl.cycler(color=_COLOURS),
    "legend.frameon": False,
    "legend.fontsize": 8,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}


def learning_curves(stages: Sequence[dict[str, Any]], kept: str) -> Markup:
    """Draws accuracy and loss by epoch, over both stages.

    Args:
        stages: as Trainer writes them: `name`, `loss`, `accuracy` and `history`.
        kept: name of the stage whose model was exported.
    """
    with mpl.rc_context(_STYLE):
        figure, panels = _figure(2)
        for axes, metric in zip(panels, ("accuracy", "loss"), strict=True):
            first = 1
            for stage in stages:
                first = _draw_stage(axes, stage, metric, first=first, kept=stage["name"] == kept)
            axes.set(xlabel="epoch", title=metric)
            axes.xaxis.get_major_locator().set_params(integer=True)
        panels[0].legend()
        return _svg(figure, "Learning curves: accuracy and loss by epoch")


def reliability_diagram(answers: Answers) -> Markup:
    """Draws how often the model is right, by how sure it is."""
    bins = reliability(answers.labels, answers.probabilities)
    confidence, accuracy = [b.confidence for b in bins], [b.accuracy for b in bins]
    with mpl.rc_context(_STYLE):
        figure, (axes,) = _figure(1)
        axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle=":")
        axes.plot(confidence, accuracy, linewidth=1)
        sizes = [_SMALLEST_DOT + _DOTS * b.photos / len(answers.labels) for b in bins]
        axes.scatter(confidence, accuracy, sizes)
        axes.set(xlabel="how sure the model is", ylabel="how often it is right")
        axes.set(xlim=(0, 1.02), ylim=(-0.02, 1.05), title="reliability")
        return _svg(figure, "Reliability diagram: share right by confidence")


def roc_and_precision_recall(answers: Answers) -> Markup:
    """Draws both curves of each class against all others, of the hardest where there are many."""
    areas = auc_by_class(answers.labels, answers.probabilities)
    hardest = [number for number in np.argsort(areas) if not np.isnan(areas[number])]
    with mpl.rc_context(_STYLE):
        figure, (roc, precision_recall) = _figure(2)
        roc.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle=":")
        for number in sorted(hardest[:_MOST_CLASSES]):
            is_class = answers.labels == number
            scores = answers.probabilities[:, number]
            false_positives, true_positives, _ = roc_curve(is_class, scores)
            label = f"{_shortened(answers.classes[number])} ({areas[number]:.3f})"
            roc.plot(false_positives, true_positives, label=label)
            precision, recall, _ = precision_recall_curve(is_class, scores)
            precision_recall.plot(recall, precision, drawstyle="steps-pre")
        roc.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC (area)")
        precision_recall.set(xlabel="recall", ylabel="precision", title="precision and recall")
        for axes in (roc, precision_recall):
            axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.05))
        if hardest:
            roc.legend(loc="lower right")
        return _svg(figure, "ROC and precision-recall curves by class")


def _figure(panels: int) -> tuple[Figure, list[Axes]]:
    figure = Figure((_WIDTH * panels, _HEIGHT))
    # Fixed: a layout that fits the labels takes as long as drawing.
    figure.subplots_adjust(left=0.16 / panels, right=0.98, bottom=0.16, top=0.9, wspace=0.3)
    return figure, list(figure.subplots(1, panels, squeeze=False)[0])


def _svg(figure: Figure, title: str) -> Markup:
    """Returns the figure as an element of the page.

    Args:
        figure: matplotlib escapes the names that it was given.
        title: ours; ids of the elements depend on it, so that those of two charts differ.
    """
    stream = io.StringIO()
    with warnings.catch_warnings(), mpl.rc_context({"svg.hashsalt": title}):
        # The page's fonts, not matplotlib's, draw the letters of a class name.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    for left_out in (r"<metadata>.*?</metadata>", r"<style type=.*?</style>"):
        text = re.sub(left_out, "", text, flags=re.DOTALL)
    text = text.replace(_INK, "currentColor")
    return Markup(text.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1))  # noqa: S704


def _draw_stage(axes: Axes, stage: dict[str, Any], metric: str, *, first: int, kept: bool) -> int:
    """Draws one metric of a stage from an epoch on; returns the first epoch after it."""
    history = stage["history"]
    for name, label, colour in (
        (metric, "training", _COLOURS[1]),
        (f"val_{metric}", "evaluation", _COLOURS[0]),
    ):
        epochs = range(first, first + len(history[name]))
        marker = "." if len(epochs) == 1 else ""
        named = label if first == 1 else None
        axes.plot(epochs, history[name], color=colour, label=named, marker=marker)
    if first > 1:
        axes.axvline(first - 0.5, color=_INK, linewidth=0.8, linestyle=":")
        place = ("data", "axes fraction")
        axes.annotate(stage["name"], (first - 0.3, 0.02), xycoords=place, fontsize=7)
    if kept:
        # The epoch whose weights were kept.
        best = int(np.abs(np.array(history["val_loss"]) - stage["loss"]).argmin())
        axes.plot(first + best, history[f"val_{metric}"][best], "o", color=_COLOURS[0])
    return first + len(history["val_loss"])


def _shortened(label: str) -> str:
    return label if len(label) <= 24 else label[:23] + "…"
