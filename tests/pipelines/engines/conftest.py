"""Engines whose workers are other processes, which start once for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipelines.engines.arguments import beam_arguments
from pipelines.engines.config import EngineConfig


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """The address of a Dask cluster of two processes."""
    import distributed

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(params=["local-processes", "dask"])
def engine(request: pytest.FixtureRequest) -> EngineConfig:
    """An engine whose workers share nothing with this process but files."""
    if request.param == "dask":
        # As few parts as still are several: so little data is no work.
        return EngineConfig(
            name="dask",
            address=request.getfixturevalue("scheduler"),
            options=["--dask_npartitions=2"],
        )
    return EngineConfig(name="local-processes", workers=1)


@pytest.fixture
def arguments(engine: EngineConfig) -> list[str]:
    """Those by which Beam is told of the engine."""
    return beam_arguments(engine)
