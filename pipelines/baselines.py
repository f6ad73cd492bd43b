"""Where a run finds what it is compared with: earlier photos, and the model before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.types import BaseChannel, Channel
from tfx.types.standard_artifacts import ExampleStatistics, Model, ModelBlessing

from components.distribution_validator.baseline import (
    CURRENT_KEY,
    STATISTICS_KEY,
    LatestOtherStatisticsStrategy,
)
from components.evaluator import baseline


@dataclass(frozen=True)
class Baselines:
    """Two nodes of the pipeline, each of which may find nothing.

    Attributes:
        statistics: given those of this run, has others under `STATISTICS_KEY`.
        model: given that of this run, has another under `MODEL_KEY`.
    """

    statistics: Callable[[BaseChannel], BaseNode]
    model: Callable[[BaseChannel], BaseNode]


def _latest_statistics(statistics: BaseChannel) -> Resolver:
    return Resolver(
        strategy_class=LatestOtherStatisticsStrategy,
        **{STATISTICS_KEY: Channel(type=ExampleStatistics), CURRENT_KEY: statistics},
    ).with_id("latest_statistics")


def _latest_blessed_model(model: BaseChannel) -> Resolver:
    return Resolver(
        strategy_class=baseline.LatestOtherBlessedModelStrategy,
        **{
            baseline.MODEL_KEY: Channel(type=Model),
            baseline.MODEL_BLESSING_KEY: Channel(type=ModelBlessing),
            baseline.CANDIDATE_KEY: model,
        },
    ).with_id("latest_blessed_model")


# What ML Metadata holds, as TFX's Resolver finds it.
RESOLVED = Baselines(_latest_statistics, _latest_blessed_model)
