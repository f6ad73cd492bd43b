"""Finds what lies in a Model artifact of the Trainer, wherever `tf.io.gfile` reads."""

from __future__ import annotations

import json
import os
from typing import Any

import tensorflow as tf
from tfx.utils import path_utils

from components.serving.model_folder import GRAPH_FILE
from schemas import serving


def saved_model_folder(model: Any) -> str:
    """Returns the folder of the SavedModel in a Model artifact; a pushed version is one itself."""
    if tf.io.gfile.exists(os.path.join(model.uri, GRAPH_FILE)):
        return str(model.uri)
    return str(path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model)))


def classes_of(folder: str) -> list[str]:
    """Returns the class names of a SavedModel, in the order of its probabilities."""
    with tf.io.gfile.GFile(os.path.join(folder, "assets", serving.CLASSES_ASSET)) as stream:
        names: list[str] = json.loads(stream.read())
    return names
