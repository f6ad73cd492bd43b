"""Tests of `--cron`, `--every`, `--time-zone` and `--timeout`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.kubeflow_client.timing import parsed_timeout, parsed_timing, written_span
from schemas.errors import ConfigError


def refused(cron: str | None, every: str | None, time_zone: str = "UTC") -> str:
    with pytest.raises(ConfigError) as caught:
        parsed_timing(cron, every, time_zone=time_zone)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("90m", 5400), ("24h", 86400), ("7d", 604800), ("1w", 604800)],
)
def test_every(text: str, seconds: int) -> None:
    assert parsed_timing(None, text, time_zone="UTC").seconds == seconds


def test_every_begins_now() -> None:
    first, second = parsed_timing(None, "2h", time_zone="utc").next_times(2)
    assert second - first == timedelta(hours=2)
    assert abs(first - datetime.now(UTC) - timedelta(hours=2)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    "text", ["24", "h", "1.5h", "-1h", "0h", "59s", "1 h", "24H", "9999999999s"]
)
def test_another_span_is_one_sentence(text: str) -> None:
    assert refused(None, text) == (
        f"--every {text!r}: give a whole number of 60 s or more with its unit (s, m, h, d or w), "
        "such as 24h."
    )


@pytest.mark.parametrize(("cron", "every"), [(None, None), ("0 0 3 * * *", "24h")])
def test_exactly_one_is_given(cron: str | None, every: str | None) -> None:
    assert refused(cron, every) == (
        "Give either --cron, such as --cron '0 0 3 * * *', or --every, such as --every 24h."
    )


@pytest.mark.parametrize("zone", ["Europe/Berlin", "+02:00", ""])
def test_a_time_zone_that_the_server_does_not_know_is_one_sentence(zone: str) -> None:
    assert refused("0 0 3 * * *", None, zone) == (
        f"--time-zone {zone!r}: a schedule of Kubeflow Pipelines has no time zone of its own, all "
        "are in that of the installation, which is UTC unless cronScheduleTimezone in its config "
        "map pipeline-install-config says otherwise; write --cron in that one and leave "
        "--time-zone out."
    )


def test_timeout() -> None:
    assert parsed_timeout(None) is None
    assert parsed_timeout("1s") == 1
    with pytest.raises(ConfigError, match=r"^--timeout '0s': give a whole number of 1 s or more"):
        parsed_timeout("0s")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (0.4, "0s"), (59.6, "1m"), (5405, "1h 30m 5s"), (604800, "7d")]
)
def test_written_span(seconds: float, text: str) -> None:
    assert written_span(seconds) == text
