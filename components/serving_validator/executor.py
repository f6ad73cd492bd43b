"""Asks the exported model in a clean process, and blesses it if it answers as in training."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Collection
from typing import Any

import tensorflow as tf
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils

from components.model_artifact import saved_model_folder
from components.serving_validator.isolation import RefusedError, ask
from components.serving_validator.served import (
    BLESSED_KEY,
    LATENCY_KEY,
    MAX_DIFFERENCE_KEY,
    P95_KEY,
    REASON_KEY,
    SIZE_KEY,
)
from components.serving_validator.verdict import (
    HALF_PRECISION_TOLERANCE,
    TOLERANCE,
    as_answers,
    compare,
)
from components.trainer.serving_reference import BATCH_SIZE, ServingReference, read_reference
from components.transform.preprocessing import source_of
from schemas import features, serving
from schemas.errors import PipelineError

MODEL_KEY = standard_component_specs.MODEL_KEY
MODEL_RUN_KEY = standard_component_specs.MODEL_RUN_KEY
EXAMPLES_KEY = standard_component_specs.EXAMPLES_KEY
BLESSING_KEY = standard_component_specs.BLESSING_KEY
TIMEOUT_KEY = "timeout_s"
CODE_DIGEST_KEY = "code_digest"

# As those of TFX's InfraValidator.
_BLESSED_FILE = "INFRA_BLESSED"
_NOT_BLESSED_FILE = "INFRA_NOT_BLESSED"

_log = logging.getLogger(__name__)


class Executor(BaseExecutor):
    """Blesses a model that answers in a clean process as the classifier did in training."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the InfraBlessing artifact; a model that is refused is no error.

        Args:
            input_dict: `model` and `model_run`, from one Trainer; `examples`, the raw ones that
                it learnt from.
            output_dict: `blessing`.
            exec_properties: `timeout_s`, seconds that the clean process may take, and
                `code_digest`, which only tells one run from another.

        Raises:
            PipelineError: if the Trainer left no reference, or for other examples.
        """
        model = artifact_utils.get_single_instance(input_dict[MODEL_KEY])
        folder = saved_model_folder(model)
        reference = _reference(artifact_utils.get_single_uri(input_dict[MODEL_RUN_KEY]))
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES_KEY])
        (eval_folder,) = artifact_utils.get_split_uris([examples], features.EVAL)
        records = _records(eval_folder, reference.evaluation.keys())
        blessing = artifact_utils.get_single_instance(output_dict[BLESSING_KEY])

        blessing.set_float_custom_property(SIZE_KEY, _megabytes(folder))
        began = time.perf_counter()
        try:
            answers = ask(
                _task(folder, reference),
                _files(records, reference),
                timeout_s=exec_properties[TIMEOUT_KEY],
            )
            reason, difference = _judged(reference, records, answers)
            blessing.set_float_custom_property(LATENCY_KEY, answers[LATENCY_KEY])
            blessing.set_float_custom_property(P95_KEY, answers[P95_KEY])
            if math.isfinite(difference):
                blessing.set_float_custom_property(MAX_DIFFERENCE_KEY, difference)
            _log.info(
                "The model answered within %.1f s, %g from training at most.",
                *(time.perf_counter() - began, difference),
            )
        except RefusedError as error:
            reason = f"it cannot be served: {error}"
        if reason:
            _log.warning("The model is refused: %s.", reason)
            blessing.set_string_custom_property(REASON_KEY, reason)
        blessing.set_int_custom_property(BLESSED_KEY, int(not reason))
        name = _NOT_BLESSED_FILE if reason else _BLESSED_FILE
        io_utils.write_string_file(os.path.join(blessing.uri, name), "")


def _reference(model_run: str) -> ServingReference:
    try:
        return read_reference(model_run)
    except tf.errors.NotFoundError as error:
        raise PipelineError(
            f"{model_run} holds no answers of the training process to compare with; run the "
            "pipeline again from Trainer."
        ) from error


def _records(folder: str, sources: Collection[int]) -> dict[int, tuple[str, bytes, bytes]]:
    """Finds raw examples by the hash of their file: path, file, serialized tf.Example."""
    spec = {name: tf.io.FixedLenFeature([], tf.string) for name in (features.IMAGE, features.PATH)}
    files = sorted(tf.io.gfile.glob(os.path.join(folder, "*")))
    found: dict[int, tuple[str, bytes, bytes]] = {}
    for record in tf.data.TFRecordDataset(files, "GZIP"):
        example = tf.io.parse_single_example(record, spec)
        source = int(source_of(example[features.IMAGE]))
        if source in sources and source not in found:
            path = example[features.PATH].numpy().decode()
            found[source] = (path, example[features.IMAGE].numpy(), record.numpy())
        if len(found) == len(sources):
            break
    if len(found) < len(sources):
        raise PipelineError(
            f"{folder} lacks {len(sources) - len(found)} of the photos that the Trainer evaluated "
            "with; run the pipeline again from Transform."
        )
    return {source: found[source] for source in sources}


def _files(
    records: dict[int, tuple[str, bytes, bytes]], reference: ServingReference
) -> dict[str, bytes]:
    contents = [content for _, content, _ in records.values()]
    photos = [*contents, *(made.content for made in reference.made)]
    return {
        **{f"{number}.photo": content for number, content in enumerate(photos)},
        **{f"{number}.example": record for number, (*_, record) in enumerate(records.values())},
    }


def _task(model: str, reference: ServingReference) -> dict[str, Any]:
    photos = len(reference.evaluation) + len(reference.made)
    return {
        "model": os.path.abspath(model) if "://" not in model else model,
        "photos": [f"{number}.photo" for number in range(photos)],
        "examples": [f"{number}.example" for number in range(len(reference.evaluation))],
        "timed": len(reference.evaluation),
        "batch_size": BATCH_SIZE,
        "classes": len(reference.classes),
        "signatures": {
            "photos": {"name": serving.SERVING_BYTES, "input": serving.IMAGE_BYTES_INPUT},
            "examples": {"name": serving.SERVING_DEFAULT, "input": serving.EXAMPLES_INPUT},
        },
        "label": serving.LABEL_OUTPUT,
        "probabilities": serving.PROBABILITIES_OUTPUT,
    }


def _judged(
    reference: ServingReference,
    records: dict[int, tuple[str, bytes, bytes]],
    answers: dict[str, Any],
) -> tuple[str | None, float]:
    """Returns the reason to refuse the model, if any, and the largest difference found."""
    paths = [path for path, *_ in records.values()]
    evaluated = list(reference.evaluation.values())
    names = [*paths, *(made.name for made in reference.made)]
    wanted = [*evaluated, *(made.probabilities for made in reference.made)]
    tolerance = HALF_PRECISION_TOLERANCE if reference.half_precision else TOLERANCE
    largest = 0.0
    for how, named, expected, key in (
        ("", names, wanted, "photos"),
        ("as tf.Example, ", paths, evaluated, "examples"),
        ("alone, ", names, wanted, "single"),
    ):
        verdict = compare(named, expected, as_answers(answers[key]), reference.classes, tolerance)
        largest = max(largest, verdict.max_difference)
        if verdict.reason:
            return f"serving would give other answers: {how}{verdict.reason}", largest
    return None, largest


def _megabytes(folder: str) -> float:
    bytes_in_all = 0
    for below, _, names in tf.io.gfile.walk(folder):
        for name in names:
            bytes_in_all += int(tf.io.gfile.stat(os.path.join(below, name)).length)
    return bytes_in_all / 1e6
