"""Gathers what the other components found out, and writes it down."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils, standard_component_specs

from components.artifact_file import write_whole
from components.evaluator.answers import read_answers
from components.evaluator.measured import read_measured
from components.evaluator.metrics import ACCURACY
from components.image_example_gen.quarantine import read_photos as read_table
from components.image_example_gen.quarantine import read_survey
from components.label_review.list_files import read_suspicions
from components.model_artifact import classes_of, saved_model_folder
from components.report_gen.anomalies import read_anomalies, read_statistics
from components.report_gen.contents import Contents
from components.report_gen.environment import environment
from components.report_gen.files import METRICS_FILE, MODEL_CARD_FILE, REPORT_FILE
from components.report_gen.gallery import MOST_SHOWN, judged, pictures, read_photos, worst
from components.report_gen.heat_maps import write_heat_maps
from components.report_gen.model_card import as_markdown, model_card
from components.report_gen.page import render
from components.report_gen.summary import summary
from components.serving_validator.served import read_served
from components.trainer.executor import TRAINING_FILE

EXAMPLES_KEY = standard_component_specs.EXAMPLES_KEY
MODEL_KEY = standard_component_specs.MODEL_KEY
MODEL_RUN_KEY = standard_component_specs.MODEL_RUN_KEY
EVALUATION_KEY = standard_component_specs.EVALUATION_KEY
BLESSING_KEY = standard_component_specs.BLESSING_KEY
INFRA_BLESSING_KEY = standard_component_specs.INFRA_BLESSING_KEY
STATISTICS_KEY = standard_component_specs.STATISTICS_KEY
ANOMALIES_KEY = standard_component_specs.ANOMALIES_KEY
DISTRIBUTION_ANOMALIES_KEY = "distribution_anomalies"
QUARANTINE_KEY = "quarantine"
SUSPICIONS_KEY = "suspicions"
REPORT_KEY = "report"
DATA_KEY = "data"
SPLIT_KEY = "split"
CONFIGURATION_KEY = "configuration"
CODE_DIGEST_KEY = "code_digest"

_BLESSED_PROPERTY = "blessed"


class Executor(BaseExecutor):
    """Writes the report of a model, whether it was blessed or not."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the Report artifact.

        Args:
            input_dict: as in `components.report_gen.component.ReportGenSpec`.
            output_dict: `report`.
            exec_properties: `data`, where the photos are; `split` that was evaluated with;
                `configuration`, commented YAML; and `code_digest`, which only tells one run
                from another.
        """
        contents = _contents(input_dict, exec_properties)
        report = artifact_utils.get_single_instance(output_dict[REPORT_KEY])
        title = f"Model card: {contents.settings['name']}"
        for name, text in (
            (MODEL_CARD_FILE, as_markdown(model_card(contents), title)),
            (METRICS_FILE, json.dumps(summary(contents), ensure_ascii=False, indent=2) + "\n"),
            (REPORT_FILE, render(contents)),
        ):
            write_whole(os.path.join(report.uri, name), text)
        quarantine = artifact_utils.get_single_uri(input_dict[QUARANTINE_KEY])
        write_heat_maps(report.uri, contents.judged, read_table(quarantine))
        report.set_int_custom_property(_BLESSED_PROPERTY, int(contents.blessed))
        report.set_float_custom_property(ACCURACY, contents.measured.metrics[ACCURACY] or 0.0)


def _contents(input_dict: dict[str, list[Any]], properties: dict[str, Any]) -> Contents:
    def artifact(key: str) -> Any:
        return artifact_utils.get_single_instance(input_dict[key])

    model = artifact(MODEL_KEY)
    folder = saved_model_folder(model)
    answers = read_answers(artifact(EVALUATION_KEY).uri, classes_of(folder))
    training = _training(artifact(MODEL_RUN_KEY).uri)
    suspicions = read_suspicions(artifact(SUSPICIONS_KEY).uri)
    doubtful = [suspicion.path for suspicion in suspicions[:MOST_SHOWN]]
    numbers = worst(answers)
    examples = artifact(EXAMPLES_KEY)
    files = read_photos(
        (
            artifact_utils.get_split_uris([examples], split)[0]
            for split in artifact_utils.decode_split_names(examples.split_names)
        ),
        {*doubtful, *(answers.paths[number] for number in numbers)},
    )
    statistics = artifact(STATISTICS_KEY).mlmd_artifact
    return Contents(
        data=properties[DATA_KEY],
        split=properties[SPLIT_KEY],
        blessed=artifact(BLESSING_KEY).get_int_custom_property(_BLESSED_PROPERTY) == 1,
        measured=read_measured(artifact(EVALUATION_KEY).uri),
        answers=answers,
        judged=judged(answers, numbers, files, Path(folder)),
        served=read_served(artifact(INFRA_BLESSING_KEY).mlmd_artifact),
        kept=training["kept"],
        stages=training["stages"],
        weights_sha256=training["weights_sha256"],
        survey=read_survey(artifact(QUARANTINE_KEY).uri),
        suspicions=suspicions,
        pictures=pictures(doubtful, files),
        statistics=read_statistics(statistics),
        anomalies=read_anomalies(
            statistics,
            artifact(ANOMALIES_KEY).mlmd_artifact,
            artifact(DISTRIBUTION_ANOMALIES_KEY).mlmd_artifact,
        ),
        configuration=properties[CONFIGURATION_KEY],
        environment=environment(),
    )


def _training(model_run: str) -> dict[str, Any]:
    with tf.io.gfile.GFile(os.path.join(model_run, TRAINING_FILE)) as stream:
        training: dict[str, Any] = json.loads(stream.read())
    return training
