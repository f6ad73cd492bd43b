"""Writes the curated schema, with the classes of the training photos as domain of the label."""

from __future__ import annotations

import os
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.statistics_gen.split_statistics import SplitStatistics
from schemas import features
from schemas.image_example import image_example_schema

STATISTICS_KEY = "statistics"
SCHEMA_KEY = "schema"
CODE_DIGEST_KEY = "code_digest"

# The name that TFX's SchemaGen gives it.
_FILE = "schema.pbtxt"


class Executor(base_executor.BaseExecutor):
    """Runs in this process: a schema is written in milliseconds."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the schema.

        Args:
            input_dict: `statistics`, of all splits.
            output_dict: `schema`.
            exec_properties: not used; a part of the cache key.
        """
        del exec_properties
        statistics = artifact_utils.get_single_uri(input_dict[STATISTICS_KEY])
        classes = SplitStatistics.read(statistics, features.TRAIN).classes
        folder = artifact_utils.get_single_uri(output_dict[SCHEMA_KEY])
        io_utils.write_pbtxt_file(os.path.join(folder, _FILE), image_example_schema(classes))
