"""Compares the statistics of one run: with each other, and with those of the previous run."""

from __future__ import annotations

import os
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import writer_utils

from components.distribution_validator.comparison import drift, skew
from components.statistics_gen.split_statistics import SplitStatistics
from schemas import features

STATISTICS_KEY = "statistics"
BASELINE_STATISTICS_KEY = "baseline_statistics"
MAX_SKEW_KEY = "max_skew"
MAX_DRIFT_KEY = "max_drift"
CODE_DIGEST_KEY = "code_digest"
ANOMALIES_KEY = "anomalies"

# As TFX's DistributionValidator names folders and file: `current split_baseline's split`.
DRIFT_PAIR = f"{features.TRAIN}_{features.TRAIN}"
_FILE = "SchemaDiff.pb"


class Executor(base_executor.BaseExecutor):
    """Runs in this process: statistics are read and compared in a fraction of a second."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the anomalies of each pair of splits.

        Args:
            input_dict: `statistics`; `baseline_statistics`, none in a first run.
            output_dict: `anomalies`.
            exec_properties: `max_skew` and `max_drift`, Jensen-Shannon divergence, 0 to 1.
        """
        statistics = artifact_utils.get_single_instance(input_dict[STATISTICS_KEY])
        splits = {
            split: SplitStatistics.read(statistics.uri, split)
            for split in artifact_utils.decode_split_names(statistics.split_names)
        }
        training = splits[features.TRAIN]
        found = {
            f"{split}_{features.TRAIN}": skew(
                split, current, training, exec_properties[MAX_SKEW_KEY]
            )
            for split, current in splits.items()
            if split != features.TRAIN
        }
        for previous in input_dict.get(BASELINE_STATISTICS_KEY) or []:
            baseline = SplitStatistics.read(previous.uri, features.TRAIN)
            found[DRIFT_PAIR] = drift(training, baseline, exec_properties[MAX_DRIFT_KEY])
        artifact = artifact_utils.get_single_instance(output_dict[ANOMALIES_KEY])
        artifact.split_names = artifact_utils.encode_split_names(list(found))
        for pair, anomalies in found.items():
            writer_utils.write_anomalies(anomalies_file(artifact.uri, pair), anomalies)


def anomalies_file(folder: str, pair: str) -> str:
    """Returns where the anomalies of a pair of splits lie in an artifact."""
    return os.path.join(folder, f"SplitPair-{pair}", _FILE)
