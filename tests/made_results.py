"""What came of a run that never was: a model that makes one mistake, in its last class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.dataset.summary import NOTHING_FOUND
from components.evaluator.answers import NUMBERS, Answers
from components.evaluator.measuring import measure
from components.report_gen.contents import Contents
from components.report_gen.gallery import Judged
from components.serving_validator.served import Served
from pipelines.config import commented_yaml, load_config
from pipelines.outcome import Results

PHOTOS_PER_CLASS = 8

SERVED = Served(
    refused_because=None, latency_ms=20.6, p95_ms=31.2, size_mb=11.54, max_difference=1e-7
)

HISTORY = {name: [0.5, 0.75, 0.875] for name in ("accuracy", "loss", "val_accuracy", "val_loss")}
STAGES = [
    {"name": "frozen", "epoch": 2, "loss": 0.5, "accuracy": 0.875, "history": HISTORY},
    {"name": "fine-tuned", "epoch": 4, "loss": 0.75, "accuracy": 0.9375, "history": HISTORY},
]


def made_answers(*labels: str, baseline: bool = False) -> Answers:
    """Returns those to `PHOTOS_PER_CLASS` photos of each class; the very last one is wrong.

    It is taken for the first class. The baseline, if any, takes every photo for that.
    """
    count = len(labels)
    numbers = np.repeat(np.arange(count), PHOTOS_PER_CLASS)
    said = np.array([*numbers[:-1], 0])
    probabilities = np.full((len(numbers), count), 0.25 / (count - 1), np.float32)
    probabilities[np.arange(len(numbers)), said] = 0.75
    other = np.zeros_like(probabilities)
    other[:, 0] = 1
    return Answers(
        classes=list(labels),
        paths=[f"{label}/{number}.jpg" for label in labels for number in range(PHOTOS_PER_CLASS)],
        labels=numbers,
        features={name: np.ones(len(numbers)) for name in NUMBERS},
        probabilities=probabilities,
        baseline=other if baseline else None,
    )


def made_survey(*labels: str, **found: Any) -> dict[str, Any]:
    """Returns what was found of a data folder with 40 photos of each class."""
    classes = {label: {"train": 30, "eval": 10} for label in labels}
    return NOTHING_FOUND | {"images": 40 * len(labels), "classes": classes} | found


def made_results(*labels: str, **changes: Any) -> Results:
    """Returns those of a blessed model that was pushed."""
    values: dict[str, Any] = {
        "blessed": True,
        "pushed_to": "/out/models/1700000000",
        "not_pushed_because": None,
        "measured": measure(made_answers(*labels), {}),
        "served": SERVED,
        "survey": made_survey(*labels),
        "quarantine": "/out/artifacts/ImageExampleGen/quarantine/1/quarantine.csv",
        "label_suspicions": [],
        "label_suspicions_file": "/out/artifacts/LabelReview/suspicions/6/suspicions.csv",
        "report": "/out/artifacts/ReportGen/report/9",
    }
    return Results(**(values | changes))


def made_contents(
    *labels: str,
    slices: Mapping[str, np.ndarray] | None = None,
    baseline: bool = False,
    overrides: tuple[str, ...] = (),
    **changes: Any,
) -> Contents:
    """Returns what the report of that model is made of."""
    answers = made_answers(*labels, baseline=baseline)
    configuration = commented_yaml(load_config(None, overrides).resolved)
    wrong = Judged(
        answers.paths[-1],
        labels[-1],
        labels[0],
        {labels[0]: 0.75, labels[-1]: 0.25},
        "data:,",
        "data:,",
    )
    values: dict[str, Any] = {
        "data": "/photos",
        "split": "eval",
        "blessed": True,
        "measured": measure(answers, slices or {}),
        "answers": answers,
        "judged": [wrong],
        "served": SERVED,
        "kept": "fine-tuned",
        "stages": STAGES,
        "weights_sha256": "50c3df",
        "survey": made_survey(*labels),
        "suspicions": [],
        "pictures": {},
        "statistics": {"file_size": {"train": [1500, 20000, 1e6], "eval": [0.25, 0.5, 0.75]}},
        "anomalies": [],
        "configuration": configuration,
        "environment": {"warmstart": "0.1.0", "tensorflow": "2.21.0", "keras": "3.15.1"},
    }
    return Contents(**(values | changes))
