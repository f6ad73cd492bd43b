"""TFX's Trainer executor, which hands embeddings to `run_fn` and records what came out."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from tfx.components.trainer import fn_args_utils
from tfx.components.trainer.executor import GenericExecutor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_component_specs

EMBEDDINGS_KEY = "embeddings"

# What run_fn adds to FnArgs' custom_config.
EMBEDDINGS_FOLDER_KEY = "embeddings_folder"
BACKUP_FOLDER_KEY = "backup_folder"

# Written by run_fn into the model run: which stage's model was kept, and its figures.
TRAINING_FILE = "training.json"

_BACKUPS = ".backup"

# Names the folder of backups, for an engine where the component's own folder is gone with a kill.
BACKUPS_VARIABLE = "WARMSTART_BACKUPS"


class Executor(GenericExecutor):
    """Runs `run_fn`; an interrupted training goes on where it was."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Trains; arguments as in TFX's Trainer, with `embeddings` among the inputs."""
        super().Do(input_dict, output_dict, exec_properties)
        backup = _backup_folder(input_dict, output_dict, exec_properties)
        if fileio.exists(backup):
            fileio.rmtree(backup)
        run = artifact_utils.get_single_uri(output_dict[standard_component_specs.MODEL_RUN_KEY])
        with fileio.open(os.path.join(run, TRAINING_FILE), "r") as stream:
            training = json.load(stream)
        model = artifact_utils.get_single_instance(output_dict[standard_component_specs.MODEL_KEY])
        model.set_string_custom_property("stage", training["kept"])
        model.set_string_custom_property("weights_sha256", training["weights_sha256"])

    def _GetFnArgs(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> fn_args_utils.FnArgs:
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        fn_args.custom_config = {
            **fn_args.custom_config,
            EMBEDDINGS_FOLDER_KEY: artifact_utils.get_single_uri(input_dict[EMBEDDINGS_KEY]),
            BACKUP_FOLDER_KEY: _backup_folder(input_dict, output_dict, exec_properties),
        }
        return fn_args


def _backup_folder(
    input_dict: dict[str, list[Any]],
    output_dict: dict[str, list[Any]],
    exec_properties: dict[str, Any],
) -> str:
    """Returns a folder that a later execution with the same inputs and properties finds.

    It lies beside the outputs, since TFX removes those of a failed execution, or in the folder
    that `BACKUPS_VARIABLE` names.
    """
    uris = {key: [artifact.uri for artifact in found] for key, found in input_dict.items()}
    task = json.dumps([uris, exec_properties], sort_keys=True, default=str)
    name = hashlib.sha256(task.encode()).hexdigest()[:16]
    model = artifact_utils.get_single_uri(output_dict[standard_component_specs.MODEL_KEY])
    component_folder = os.path.dirname(os.path.dirname(model.rstrip("/")))
    folder = os.environ.get(BACKUPS_VARIABLE) or os.path.join(component_folder, _BACKUPS)
    return os.path.join(folder, name)
