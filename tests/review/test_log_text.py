"""Tests of reading logs line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from review import log_text
from review.log_text import Line, text_of
from review.logs import Log


def logged(tmp_path: Path, content: bytes) -> Log:
    file = tmp_path / "run" / "logs" / "Trainer.txt"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return Log("run", "Trainer", file, of_other_run=False)


def test_lines_are_counted_from_one_and_have_no_colours(tmp_path: Path) -> None:
    found = text_of(logged(tmp_path, b"\x1b[31mred\x1b[0m\nplain\x07\n\xff\n"))

    assert found.lines == [Line(1, "red"), Line(2, "plain"), Line(3, "\ufffd")]
    assert (found.bytes_left_out, found.error) == (0, None)


def test_line_that_was_written_over_shows_what_was_left(tmp_path: Path) -> None:
    found = text_of(logged(tmp_path, b"1/3\r2/3\r3/3\r\ndone\n"))

    assert [line.text for line in found.lines] == ["3/3", "done"]


@pytest.mark.parametrize(
    "line",
    [
        "ValueError: no photo",
        "tensorflow.python.framework.errors_impl.ResourceExhaustedError: out of memory",
        "E0000 00:00:1795662512.784314 7948 node_def_util.cc:682] NodeDef",
    ],
)
def test_first_line_that_tells_of_an_error_is_found(tmp_path: Path, line: str) -> None:
    found = text_of(logged(tmp_path, f"An error is near\n{line}\nKeyError: 1\n".encode()))

    assert found.error == Line(2, line)


def test_long_log_is_read_from_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_text, "_MOST_READ", 12)
    found = text_of(logged(tmp_path, b"first line\nsecond\nthird\n"))

    assert [line.text for line in found.lines] == ["third"]
    assert found.bytes_left_out == 12


def test_log_that_is_gone_has_no_lines(tmp_path: Path) -> None:
    log = logged(tmp_path, b"line\n")
    log.path.unlink()

    assert text_of(log).lines == ()
