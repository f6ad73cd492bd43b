"""TFX's Pusher executor, with versions that appear whole or not at all."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

from tfx.components.pusher import executor
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, proto_utils

from components.durable import sync_below
from components.evaluator.measured import accuracy_of
from components.report_gen.files import METRICS_FILE, MODEL_CARD_FILE
from components.serving.moving import move_version
from components.serving.one_at_a_time import one_at_a_time
from components.serving.versions import next_number, prune, write_record
from schemas import features, serving
from schemas.errors import ModelError, PipelineError

EVALUATION_KEY = standard_component_specs.EVALUATION_KEY
REPORT_KEY = "report"
STATISTICS_KEY = standard_component_specs.STATISTICS_KEY
KEEP_KEY = "keep"

# Where a version grows before it is renamed. TensorFlow Serving reads numbered folders only.
_STAGING = ".incoming"

_log = logging.getLogger(__name__)


class Executor(executor.Executor):
    """Copies a blessed model beside its destination, then moves it into place.

    TFX copies into the final folder file by file, so that a run that is killed leaves a
    version which looks like a model.
    """

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes the model if it is blessed, and removes the oldest versions.

        Arguments as in TFX's Pusher; the destination is a folder of this machine. One more
        input, `evaluation`, tells the accuracy that is recorded with the version; of two others,
        `report` and `statistics`, model card, numbers and the statistics of the training photos
        travel with it; and one more property, `keep`, says how many versions stay.

        Raises:
            PipelineError: if the model is not whole.
            ModelError: if another process changes the folder of models all the time.
            OSError: if it cannot be written to.
        """
        if not self.CheckBlessing(input_dict):
            super().Do(input_dict, output_dict, exec_properties)
            return
        _check_complete(self.GetModelPath(input_dict))
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(
            exec_properties[standard_component_specs.PUSH_DESTINATION_KEY], destination
        )
        models = Path(destination.filesystem.base_directory)
        models.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(models):
            self._push(models, input_dict, output_dict, exec_properties)
        _remove_oldest(models, exec_properties.get(KEEP_KEY))

    def _push(
        self,
        models: Path,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        staging = models / _STAGING
        if staging.exists():  # Of a push that was killed.
            shutil.rmtree(staging)
        destination = pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(staging))
        )
        staged = dict(exec_properties)
        staged[standard_component_specs.PUSH_DESTINATION_KEY] = proto_utils.proto_to_json(
            destination
        )
        super().Do(input_dict, output_dict, staged)

        pushed = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.PUSHED_MODEL_KEY]
        )
        number = next_number(models)
        staged_version = staging / self._version_of(pushed)
        write_record(
            staged_version,
            number,
            run_id=self._context.pipeline_run_id if self._context else None,
            accuracy=_accuracy(input_dict),
        )
        _add_report(staged_version, input_dict.get(REPORT_KEY))
        _add_statistics(staged_version, input_dict.get(STATISTICS_KEY))
        sync_below(staged_version)
        version = models / str(number)
        move_version(staged_version, version)
        shutil.rmtree(staging)
        self._MarkPushed(pushed, pushed_destination=str(version), pushed_version=version.name)

    def _version_of(self, pushed: Any) -> str:
        return str(pushed.get_string_custom_property(executor._PUSHED_VERSION_KEY))


def _check_complete(model: str) -> None:
    """TFX takes a folder that is missing for an empty one, and pushes that."""
    if not fileio.exists(os.path.join(model, "saved_model.pb")):
        raise PipelineError(
            f"{model} holds no SavedModel, so nothing was pushed; run the pipeline again."
        )


def _accuracy(input_dict: dict[str, list[Any]]) -> float | None:
    evaluation = input_dict.get(EVALUATION_KEY)
    return accuracy_of(artifact_utils.get_single_uri(evaluation)) if evaluation else None


def _add_report(version: Path, report: list[Any] | None) -> None:
    if report:
        folder = artifact_utils.get_single_uri(report)
        for name in (MODEL_CARD_FILE, METRICS_FILE):
            extra = version / serving.EXTRA_ASSETS / name
            fileio.copy(os.path.join(folder, name), str(extra), overwrite=True)


def _add_statistics(version: Path, statistics: list[Any] | None) -> None:
    if statistics:
        (folder,) = artifact_utils.get_split_uris(statistics, features.TRAIN)
        target = (
            version / serving.EXTRA_ASSETS / serving.STATISTICS_FOLDER / os.path.basename(folder)
        )
        io_utils.copy_dir(folder, str(target))


def _remove_oldest(models: Path, keep: int | None) -> None:
    """Keeps so many versions, by default all; the push itself has succeeded whatever happens."""
    if keep is None:
        return
    try:
        prune(models, keep)
    except ModelError as error:
        _log.warning("The oldest versions could not be removed: %s", error)
