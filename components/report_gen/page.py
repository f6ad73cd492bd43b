"""Renders the report: one HTML file that needs nothing else."""

from __future__ import annotations

from components.evaluator.metrics import (
    ACCURACY,
    AUC,
    BALANCED_ACCURACY,
    CALIBRATION_ERROR,
    LOG_LOSS,
)
from components.pages.rendering import templates
from components.report_gen.charts import (
    learning_curves,
    reliability_diagram,
    roc_and_precision_recall,
)
from components.report_gen.contents import Contents
from components.report_gen.files import COMPONENTS_MARK, OUTCOME_MARK
from components.report_gen.model_card import comparison, model_card

# Of pairs of classes that are taken for each other.
_MOST_CONFUSED = 5

# A matrix of more classes is no longer read: the pairs are listed instead.
_LARGEST_MATRIX = 30

# What the metrics say, for who has not met them.
_METRICS = {
    ACCURACY: ("accuracy", "share of the photos that were recognised"),
    BALANCED_ACCURACY: ("balanced accuracy", "the same, each class counting alike"),
    AUC: ("ROC area", "how well photos of a class are ranked above others; 0.5 is guessing"),
    LOG_LOSS: ("log loss", "how surprised the model is by the truth; 0 is best"),
    CALIBRATION_ERROR: (
        "calibration error",
        "how far its confidence is from the truth; 0.1 is ten points on average",
    ),
}


def render(contents: Contents) -> str:
    """Returns the page.

    Args:
        contents: names in it are text, whatever they hold.
    """
    return (
        templates()
        .get_template("report.html")
        .render(
            contents=contents,
            measured=contents.measured,
            headline=headline(contents),
            comparison=comparison(baseline) if (baseline := contents.measured.baseline) else "",
            metrics=_METRICS,
            confused=_confused(contents),
            matrix=len(contents.measured.classes) <= _LARGEST_MATRIX,
            learning_curves=learning_curves(contents.stages, contents.kept),
            reliability=reliability_diagram(contents.answers),
            curves=roc_and_precision_recall(contents.answers),
            card=model_card(contents),
            outcome_mark=OUTCOME_MARK,
            components_mark=COMPONENTS_MARK,
        )
    )


def headline(contents: Contents) -> str:
    """Says in words how good the model is."""
    measured = contents.measured
    right = round((measured.metrics[ACCURACY] or 0) * measured.photos)
    low, high = measured.intervals[ACCURACY]
    return (
        f"It recognised {right} of {measured.photos} photos that it never learnt from. Of further "
        f"photos like these it should recognise between {100 * low:.0f} and {100 * high:.0f} of "
        "100 (95 % interval)."
    )


def _confused(contents: Contents) -> list[tuple[str, str, int]]:
    """Returns which class was taken for which most often: true class, said class, photos."""
    pairs = [
        (actual, said, count)
        for actual, row in contents.measured.confusion.items()
        for said, count in row.items()
        if actual != said and count
    ]
    return sorted(pairs, key=lambda pair: -pair[2])[:_MOST_CONFUSED]
