"""Tests of cron lines as the server reads them: robfig/cron 1.2, six fields."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipelines.kubeflow_client.cron import parsed_cron
from schemas.errors import ConfigError

# A Thursday.
NOW = datetime(2026, 11, 26, 7, 30, 15, tzinfo=UTC)


def following(line: str, count: int = 2) -> list[str]:
    times = parsed_cron(line).next_times(NOW, count)
    return [f"{time:%a %Y-%m-%d %H:%M:%S}" for time in times]


@pytest.mark.parametrize(
    ("line", "times"),
    [
        ("0 0 3 * * *", ["Fri 2026-11-27 03:00:00", "Sat 2026-11-28 03:00:00"]),
        ("0 */20 * * * *", ["Thu 2026-11-26 07:40:00", "Thu 2026-11-26 08:00:00"]),
        ("10/20 30 7 * * *", ["Thu 2026-11-26 07:30:30", "Thu 2026-11-26 07:30:50"]),
        ("0 0 9 ? * MON-FRI", ["Thu 2026-11-26 09:00:00", "Fri 2026-11-27 09:00:00"]),
        ("0 0 9 ? * sun", ["Sun 2026-11-29 09:00:00", "Sun 2026-12-06 09:00:00"]),
        ("0 0 0 1 jan,JUL *", ["Fri 2027-01-01 00:00:00", "Thu 2027-07-01 00:00:00"]),
        ("0 0 0 29 2 *", ["Tue 2028-02-29 00:00:00", "Sun 2032-02-29 00:00:00"]),
        # Both are given: either of them is enough, as in crontab.
        ("0 0 0 1 * 5", ["Fri 2026-11-27 00:00:00", "Tue 2026-12-01 00:00:00"]),
        # One is free, if only in steps: both must fit.
        ("0 0 0 */2 * 5", ["Fri 2026-11-27 00:00:00", "Fri 2026-12-11 00:00:00"]),
        ("0 0 0 1-7 * */6", ["Sun 2026-12-06 00:00:00", "Sat 2026-12-05 00:00:00"][::-1]),
        ("30,10 30 7 26 11 *", ["Thu 2026-11-26 07:30:30", "Fri 2027-11-26 07:30:10"]),
    ],
)
def test_next_times(line: str, times: list[str]) -> None:
    assert following(line) == times


def test_blanks_do_not_matter() -> None:
    assert parsed_cron("  0 0  3 * * * ").line == "0 0 3 * * *"


SIX = "second minute hour day-of-month month day-of-week"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "0 3 * * *",
            f"Kubeflow Pipelines reads six fields ({SIX}) and would take these five for other ones "
            "than crontab does; write '0 0 3 * * *'.",
        ),
        (
            "0 0 3 ? * * 2026",
            f"Kubeflow Pipelines reads six fields ({SIX}), without a year; write '0 0 3 ? * *'.",
        ),
        ("@daily", f"write it in six fields ({SIX}): '0 0 0 * * *'."),
        ("@every 1h", f"Kubeflow Pipelines reads six fields ({SIX}), such as '0 0 3 * * *'."),
        ("", f"Kubeflow Pipelines reads six fields ({SIX}), such as '0 0 3 * * *'."),
        ("0 0 24 * * *", "24 is no hour, which is * or 0 to 23, such as 0-23/2."),
        (
            "0 0 3 * * 7",
            "7 is no day of week, which is * or 0 to 6 or SUN to SAT, such as 0-6/2.",
        ),
        ("0 0 3 0 * *", "0 is no day of month, which is * or 1 to 31, such as 1-31/2."),
        ("0 5-1 3 * * *", "5-1 is no minute, which is * or 0 to 59, such as 0-59/2."),
        ("0 */0 3 * * *", "*/0 is no minute, which is * or 0 to 59, such as 0-59/2."),
        ("0 1/2/3 3 * * *", "1/2/3 is no minute, which is * or 0 to 59, such as 0-59/2."),
        ("0 1-2-3 3 * * *", "1-2-3 is no minute, which is * or 0 to 59, such as 0-59/2."),
        ("0 , 3 * * *", " is no minute, which is * or 0 to 59, such as 0-59/2."),
        (
            "0 0 3 * MAI *",
            "MAI is no month, which is * or 1 to 12 or JAN to DEC, such as 1-12/2.",
        ),
        ("٣ 0 3 * * *", "٣ is no second, which is * or 0 to 59, such as 0-59/2."),
        ("0 0 0 31 2 *", "there is no such day."),
    ],
)
def test_another_line_is_one_sentence(line: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed_cron(line)
    assert str(caught.value) == f"--cron {line!r}: {said}"
