"""Where a run on Kubeflow finds what it is compared with: among the pushed versions.

Kubeflow's compiler knows no Resolver, and steps cannot ask its ML Metadata.
"""

from __future__ import annotations

from components.pushed_baselines.component import LatestPushedModel, LatestPushedStatistics
from pipelines.baselines import Baselines
from pipelines.kubeflow.config import MODELS_FOLDER

PUSHED = Baselines(
    statistics=lambda current: LatestPushedStatistics(models=MODELS_FOLDER, current=current),
    model=lambda candidate: LatestPushedModel(models=MODELS_FOLDER, candidate=candidate),
)
