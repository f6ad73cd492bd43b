"""Tests of reading results, as far as they need no pipeline run."""

from __future__ import annotations

from pathlib import Path

from components.serving.versions import write_record
from pipelines import results


def test_version_that_was_promoted_since_is_found_at_its_new_place(tmp_path: Path) -> None:
    copy = tmp_path / "2"
    copy.mkdir()
    (copy / "saved_model.pb").write_bytes(b"graph")
    write_record(copy, 2, run_id=None, accuracy=None, copy_of=1)

    assert results._in_service(str(tmp_path / "1")) == str(copy)
    assert results._in_service(str(tmp_path / "3")) == str(tmp_path / "3")
    assert results._in_service(None) is None


def test_version_that_was_taken_out_of_service_says_how_it_comes_back(tmp_path: Path) -> None:
    (tmp_path / ".withdrawn" / "7").mkdir(parents=True)
    (tmp_path / "8").mkdir()

    assert results._withdrawn(str(tmp_path / "7")) == (
        "version 7 was taken out of service, and `warmstart models promote 7` brings it back"
    )
    assert results._withdrawn(str(tmp_path / "8")) is None
    assert results._withdrawn(None) is None
