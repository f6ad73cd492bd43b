"""Tests of dates in parameters: for the server in Go's layout, for a run of now filled in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipelines.kubeflow_client.date_macros import filled_in, for_server, has_macro
from schemas.errors import ConfigError

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
HOW = (
    "the time at which a run starts is [[CurrentTime]], or [[CurrentTime.%Y-%m-%d]] with "
    "%Y %m %d %H %M %S %y or %j"
)


@pytest.mark.parametrize(
    ("given", "sent", "filled"),
    [
        ("/data", "/data", "/data"),
        ("[[CurrentTime]]", "[[CurrentTime]]", "20260304050607"),
        (
            "/data/[[CurrentTime.%Y-%m-%d]]",
            "/data/[[CurrentTime.2006-01-02]]",
            "/data/2026-03-04",
        ),
        ("[[CurrentTime.%H:%M:%S %y.%j]]", "[[CurrentTime.15:04:05 06.002]]", "05:06:07 26.063"),
        ("[[CurrentTime.15-04-05]]", "[[CurrentTime.15-04-05]]", "05-06-07"),
        ("[[CurrentTime.20060102]]", "[[CurrentTime.20060102]]", "20260304"),
        (
            "[[CurrentTime.%Y]]/[[CurrentTime.%m]]",
            "[[CurrentTime.2006]]/[[CurrentTime.01]]",
            "2026/03",
        ),
        ("[one] [[", "[one] [[", "[one] [["),
    ],
)
def test_dates(given: str, sent: str, filled: str) -> None:
    assert for_server("--param data", given) == sent
    assert filled_in("--param data", given, NOW) == filled


@pytest.mark.parametrize(
    ("macro", "said"),
    [
        # The server leaves them as they stand in pipelines of version 2.
        ("[[ScheduledTime]]", "[[ScheduledTime]] is not known to Kubeflow Pipelines 2"),
        (
            "[[ScheduledTime.2006]]",
            "[[ScheduledTime.2006]] is not known to Kubeflow Pipelines 2",
        ),
        ("[[Index]]", "[[Index]] is not known to Kubeflow Pipelines 2"),
        ("[[RunUUID]]", "[[RunUUID]] is not known to Kubeflow Pipelines 2"),
        ("[[CurentTime]]", "[[CurentTime]] is not understood"),
        ("[[CurrentTime.]]", "[[CurrentTime.]] is not understood"),
        ("[[]]", "[[]] is not understood"),
        (
            "[[CurrentTime.YYYY-MM-DD]]",
            "the form of [[CurrentTime.YYYY-MM-DD]] is not understood",
        ),
        ("[[CurrentTime.%B]]", "the form of [[CurrentTime.%B]] is not understood"),
        ("[[CurrentTime.%Y1]]", "the form of [[CurrentTime.%Y1]] is not understood"),
        ("[[CurrentTime.2006-1-2]]", "the form of [[CurrentTime.2006-1-2]] is not understood"),
    ],
)
def test_what_the_server_would_leave_is_one_sentence(macro: str, said: str) -> None:
    for write in (for_server, lambda option, value: filled_in(option, value, NOW)):
        with pytest.raises(ConfigError) as caught:
            write("--param data", f"/data/{macro}")
        assert str(caught.value) == f"--param data: {said}; {HOW}."


def test_has_macro() -> None:
    assert has_macro("/data/[[CurrentTime]]")
    assert not has_macro("/data/[one]")
    assert not has_macro(3)
