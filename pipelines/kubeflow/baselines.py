"""Where a run on Kubeflow finds what it is compared with: among the pushed versions.

Kubeflow's compiler knows no Resolver, and steps cannot ask its ML Metadata.
"""

from __future__ import annotations

from components.pushed_baselines.component import LatestPushedModel, LatestPushedStatistics
from pipelines.baselines import Baselines


def pushed_to(models: str) -> Baselines:
    """Returns the baselines among the versions in a folder, as the steps see it."""
    return Baselines(
        statistics=lambda current: LatestPushedStatistics(models=models, current=current),
        model=lambda candidate: LatestPushedModel(models=models, candidate=candidate),
    )
