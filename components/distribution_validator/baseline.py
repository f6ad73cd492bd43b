"""Finds the statistics that this run's are compared with."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.dsl.io import fileio

from components.distribution_validator.latest_other import latest_other

STATISTICS_KEY = "statistics"
CURRENT_KEY = "current"


class LatestOtherStatisticsStrategy(ResolverStrategy):
    """Resolves the latest statistics that are not those of this run.

    TFX's LatestArtifactStrategy gives this run's own; they would be compared with themselves, and
    only ever in the second of two runs, which would so never be cached.
    """

    def resolve_artifacts(
        self, store: Any, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]]:
        """Picks from the statistics of the pipeline.

        Args:
            store: not used.
            input_dict: under `statistics` all of the pipeline, under `current` those of this run.

        Returns:
            Under `statistics` one or, in a first run, none. Those whose folder was deleted do
            not count.
        """
        del store
        current = input_dict[CURRENT_KEY]
        chosen = latest_other(input_dict[STATISTICS_KEY], current, fileio.exists)
        return {STATISTICS_KEY: [chosen] if chosen else [], CURRENT_KEY: current}
