"""Tests of how values are written on the page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from jinja2 import UndefinedError

from review.page.rendering import ago, duration, percent, query, render, size, templates, time

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("share", "text"), [(None, "-"), (0.0, "0.0 %"), (0.9375, "93.8 %"), (1.0, "100.0 %")]
)
def test_share_is_written_as_a_percentage(share: float | None, text: str) -> None:
    assert percent(share) == text


def test_percentage_has_as_many_digits_as_asked_for() -> None:
    assert percent(0.125, 0) == "12 %"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((None, "-"), (0.0, "0.0 s"), (59.94, "59.9 s"), (60.0, "1 min 00 s")),
        *((61.4, "1 min 01 s"), (3599.6, "1 h 00 min"), (7325.0, "2 h 02 min")),
    ],
)
def test_seconds_are_written_in_units_of_people(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        *((None, "-"), (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1234, "1.23 kB")),
        *((9_876_543, "9.88 MB"), (5_000_000_000_000, "5e+03 GB")),
    ],
)
def test_bytes_are_written_with_a_unit(count: int | None, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(hours=1, minutes=59), "1 hour ago"),
        (timedelta(hours=47), "1 day ago"),
        (timedelta(days=400), "400 days ago"),
    ],
)
def test_moment_is_said_to_be_so_long_ago(passed: timedelta, text: str) -> None:
    assert ago(NOW - passed, NOW) == text


def test_time_names_its_zone() -> None:
    assert time(NOW) == "2026-03-01 12:00:00 UTC"


def test_query_keeps_what_is_not_changed_and_escapes_it() -> None:
    assert query({"q": "a&b=c <", "state": "", "page": 1}, page=2) == "?q=a%26b%3Dc+%3C&page=2"
    assert query({"q": "a"}, q=None) == ""


def test_what_a_template_needs_and_does_not_get_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("sorry.html", {"status": 404})


def test_values_are_text() -> None:
    page = render(
        "sorry.html", {"status": 404, "run": None, "sentence": "<b onclick='x'>&"}
    ).decode()

    assert "&lt;b onclick=&#39;x&#39;&gt;&amp;" in page


def test_name_that_is_not_utf8_is_shown_nevertheless() -> None:
    page = render("sorry.html", {"status": 404, "run": None, "sentence": "a\udcffb"}).decode()

    assert "a?b" in page


def test_every_template_can_be_read() -> None:
    names = templates().list_templates()

    assert "runs.html" in names
    for name in names:
        templates().get_template(name)


def test_no_template_marks_anything_as_safe() -> None:
    environment = templates()
    for name in environment.list_templates():
        assert environment.loader is not None
        source, _, _ = environment.loader.get_source(environment, name)
        assert "| safe" not in source, name
        assert "|safe" not in source, name
        assert "autoescape" not in source, name
