"""Asks the new model and the latest blessed one about the same photos, measures, and blesses."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

# TFX first: it stands in for a module of tfx_bsl that TFDV 1.16 imports and 1.21 lacks.
from tfx.components.evaluator import constants  # isort: skip
import tensorflow_model_analysis as tfma
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils

from components.evaluator.answers import answers_prefix, read_answers
from components.evaluator.eval_config import eval_config
from components.evaluator.inference import AskModels, patterns_of
from components.evaluator.measured import write_measured
from components.evaluator.measuring import measure
from components.evaluator.slices import slices_of
from components.evaluator.validation import Validate
from components.evaluator.verdict import reasons
from components.model_artifact import classes_of, saved_model_folder
from components.worker_errors import as_raised_in_worker
from schemas import features

EXAMPLES_KEY = standard_component_specs.EXAMPLES_KEY
MODEL_KEY = standard_component_specs.MODEL_KEY
BASELINE_MODEL_KEY = standard_component_specs.BASELINE_MODEL_KEY
EVALUATION_KEY = standard_component_specs.EVALUATION_KEY
BLESSING_KEY = standard_component_specs.BLESSING_KEY
SPLIT_KEY = "split"
SLICES_KEY = "slices"
THRESHOLDS_KEY = "thresholds"
CODE_DIGEST_KEY = "code_digest"

_log = logging.getLogger(__name__)


class Executor(BaseBeamExecutor):
    """Blesses a model that reaches every threshold.

    TFX's Evaluator asks the models inside TFMA and keeps sums only. Here they are asked first:
    what they say of each photo is kept, for the report, and TFMA is given that table.
    """

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the ModelEvaluation and the ModelBlessing artifact.

        Args:
            input_dict: `examples`, from ImageExampleGen; `model`; `baseline_model`, or none.
            output_dict: `evaluation` and `blessing`.
            exec_properties: `split` to evaluate with; `slices`, a JSON list; `thresholds`, JSON
                as in `components.evaluator.eval_config.eval_config`; and `code_digest`, which
                only tells one run from another.

        Raises:
            PipelineError: if there is not memory enough for a single photo.
        """
        model = artifact_utils.get_single_instance(input_dict[MODEL_KEY])
        baseline = input_dict.get(BASELINE_MODEL_KEY) or []
        evaluation = artifact_utils.get_single_instance(output_dict[EVALUATION_KEY])
        blessing = artifact_utils.get_single_instance(output_dict[BLESSING_KEY])
        folders = [saved_model_folder(artifact) for artifact in (model, *baseline)]
        split = exec_properties[SPLIT_KEY]
        examples = artifact_utils.get_split_uris(input_dict[EXAMPLES_KEY], split)
        thresholds = json.loads(exec_properties[THRESHOLDS_KEY])

        with as_raised_in_worker(), self._make_beam_pipeline() as pipeline:
            _ = pipeline | AskModels(patterns_of(examples), folders, answers_prefix(evaluation.uri))
        answers = read_answers(evaluation.uri, classes_of(folders[0]))
        slices = slices_of(answers, json.loads(exec_properties[SLICES_KEY]))
        sliced = {features.LABEL: np.array(answers.classes)[answers.labels], **slices}
        counts = {feature: Counter(names.tolist()) for feature, names in sliced.items()}
        config = eval_config(thresholds, counts, compared=answers.baseline is not None)
        with self._make_beam_pipeline() as pipeline:
            _ = pipeline | Validate(answers, sliced, config, evaluation.uri)
        validation = tfma.load_validation_result(evaluation.uri)
        missed = reasons(validation, thresholds, counts)
        write_measured(evaluation.uri, replace(measure(answers, slices), reasons=missed))
        _bless(blessing, model, baseline, blessed=validation.validation_ok)
        _log.info("Blessed." if validation.validation_ok else f"Not blessed: {missed}.")


def _bless(blessing: Any, model: Any, baseline: list[Any], *, blessed: bool) -> None:
    """Writes what TFX's Evaluator writes, by which Resolver and Pusher know a blessed model."""
    blessing.set_string_custom_property(
        constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri
    )
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    for other in baseline:
        blessing.set_string_custom_property(
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, other.uri
        )
        blessing.set_int_custom_property(
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, other.id
        )
    blessing.set_int_custom_property(
        constants.ARTIFACT_PROPERTY_BLESSED_KEY,
        constants.BLESSED_VALUE if blessed else constants.NOT_BLESSED_VALUE,
    )
    name = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    io_utils.write_string_file(os.path.join(blessing.uri, name), "")
