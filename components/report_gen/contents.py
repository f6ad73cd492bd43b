"""All that the report, its metrics and the model card are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from components.evaluator.answers import Answers
from components.evaluator.measured import Measured
from components.label_review.suspicions import LabelSuspicion
from components.report_gen.gallery import Judged
from components.serving_validator.served import Served


@dataclass(frozen=True)
class Contents:
    """What is known of one model.

    Attributes:
        data: where the photos are.
        split: those that it was evaluated with, such as `eval`.
        blessed: whether it reached every threshold.
        measured: on the evaluation photos.
        answers: what it says of each of them.
        judged: some of them to look at.
        served: what it came to in a process without this project.
        kept: name of the stage whose model was exported.
        stages: as Trainer writes them: `name`, `loss`, `accuracy` and `history`.
        weights_sha256: of the file that the backbone began with, or `none`.
        survey: what lies in the data folder, as `warmstart data check --json` prints it.
        suspicions: labels that look wrong, the least likely first.
        pictures: `data:` URLs of some of those photos, by path.
        statistics: smallest, median and largest value by numeric feature, then by split.
        anomalies: what is odd about the statistics.
        configuration: of the run, as commented YAML.
        environment: versions and machine.
    """

    data: str
    split: str
    blessed: bool
    measured: Measured
    answers: Answers
    judged: list[Judged]
    served: Served
    kept: str
    stages: list[dict[str, Any]]
    weights_sha256: str
    survey: dict[str, Any]
    suspicions: list[LabelSuspicion]
    pictures: dict[str, str]
    statistics: dict[str, dict[str, list[float]]]
    anomalies: list[dict[str, Any]]
    configuration: str
    environment: dict[str, str]

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The configuration by section."""
        settings: dict[str, Any] = yaml.safe_load(self.configuration)
        return settings
